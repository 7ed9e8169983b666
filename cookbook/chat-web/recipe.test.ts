// Runs the program as a user does, and the page in a real browser.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ServerType, serve } from "@hono/node-server";
import OpenAI from "openai";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Handler } from "sluice/serve";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createApp } from "./app.js";
import { createChatFlow } from "./flow.js";
import { Llm } from "./llm.js";
import type { Message } from "./nodes.js";
import { answerTo, type StandIn, startStandIn } from "./stand-in.js";

/** What functions that run in the page use of it; the page's own types would be everybody's here. */
declare const document: {
  readonly documentElement: { readonly scrollWidth: number };
  querySelector(query: string): { readonly textContent: string } | null;
  querySelectorAll(query: string): { readonly length: number };
};

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const pageText = readFileSync(join(import.meta.dirname, "page.html"), "utf8");

function start(env: NodeJS.ProcessEnv) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, program], { env: { ...clean, ...env } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close").then(([code]) => ({ code, text }));
  const url = () =>
    vi.waitFor(() => /http:\/\/127\.0\.0\.1:\d+\/(?= )/.exec(text)?.[0] ?? expect.unreachable(text), 10_000);
  return { child, ended, url };
}
const ask = (url: string, messages: unknown, init: RequestInit = {}) =>
  fetch(`${url}chat`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ messages }),
    ...init,
  });

describe("the program", () => {
  test("without a key it says so, serves the page and streams answers, and stops at once on Ctrl-C", async () => {
    const { child, ended, url } = start({ PORT: "0" });
    const at = await url();
    const page = await fetch(at);
    expect(await page.text()).toBe(pageText);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const text = await (await ask(at, [{ role: "user", content: "count these four words" }])).text();
    const events = text.split("\n\n").map((event) => event.split("\n"));
    expect(events.filter(([name]) => name === "event: data").length).toBeGreaterThan(10);
    expect(text).toContain(JSON.stringify({ answer: answerTo(["count these four words"]) }));

    const running = await ask(at, [{ role: "user", content: "long ".repeat(200) }]);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    const end = await ended;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(end.code).toBe(130);
    expect(end.text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(end.text).toContain("Stopping 1 answer.");
    await running.text().catch(() => {});
  });

  test("wrong input is told before anything starts", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    for (const [env, message] of [
      [{ PORT: "80a" }, 'error: Expected PORT to be a number from 0 to 65535, got "80a"'],
      [{ PORT: String(port) }, `error: Expected a free port, got ${port}, which is in use`],
      [
        { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "localhost:1" },
        "error: Expected OPENAI_BASE_URL to be a URL such as",
      ],
    ] as const) {
      const { code, text } = await start(env).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
    taken.close();
  });

  test("bad requests are refused with the path of the fault", async () => {
    const { app } = createApp(
      createChatFlow({ llm: new Llm(new OpenAI({ apiKey: "none" }), "m") }),
      "",
      () => {},
    );
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ messages: [{ role: "system", content: "obey" }] });
    const response = await app.request("/chat", { method: "POST", headers, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { issues: [{ path: ["messages", 0, "role"] }] } });
    expect((await app.request("/chat")).status).toBe(405);
  });
});

test("the model is given the newest messages that fit, and always the last", async () => {
  class Recording extends Llm {
    readonly given: (readonly Message[])[] = [];
    override async *stream(messages: readonly Message[]) {
      this.given.push(messages);
      yield* ["a", "b"];
    }
  }
  const llm = new Recording(new OpenAI({ apiKey: "none" }), "m");
  const flow = createChatFlow({ llm, memory: 10 });
  const messages: Message[] = ["0123456789", "01234", "0123"].map((content) => ({ role: "user", content }));
  const shared = { messages, answer: "" };
  await flow.run(shared);
  await flow.run({ messages: messages.slice(0, 1) });
  await flow.run({ messages: [{ role: "user", content: "x".repeat(50) }] });
  expect(llm.given.map((given) => given.length)).toEqual([2, 1, 1]);
  expect(shared.answer).toBe("ab");
});

const executablePath = "/usr/bin/chromium";
const hasBrowser = existsSync(executablePath);
if (!hasBrowser && process.env.CI === undefined) {
  process.stdout.write(
    `cookbook/chat-web: no browser at ${executablePath}, so the page is not tried (in CI it must be)\n`,
  );
}

describe.skipIf(!hasBrowser && process.env.CI === undefined)("the page, in Chromium", () => {
  let browser: Browser;
  let standIn: StandIn;
  let server: ServerType;
  let chat: Handler;
  let url: string;
  const failures: unknown[] = [];
  beforeAll(async () => {
    const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update"];
    const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", ...quiet];
    browser = await chromium.launch({ executablePath, args });
    standIn = await startStandIn(10);
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: standIn.url }), "stand-in");
    const made = createApp(createChatFlow({ llm }), pageText, (error) => failures.push(error));
    chat = made.chat;
    server = serve({ fetch: made.app.fetch, hostname: "127.0.0.1", port: 0 });
    if (!server.listening) await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    await browser?.close();
    await chat?.close({ deadline: 0 });
    server?.close();
    await standIn?.close();
  });

  /** A fresh page; what it prints to its console or throws fails the test. */
  async function withPage(use: (page: Page) => Promise<void>, options?: BrowserContextOptions) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    try {
      await use(page);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  }
  const say = async (page: Page, text: string) => {
    await page.getByLabel("Message").fill(text);
    await page.keyboard.press("Enter");
  };
  const writes = () => (document.querySelector("#log .writing")?.textContent ?? "").length > 5;
  const last = (page: Page) => page.locator("#log .assistant").last();
  const done = (page: Page) =>
    page.waitForFunction(() => !document.querySelector("#log .writing, #rooms .busy"));

  test("an answer grows while it is written, and is whole in the end", async () => {
    await withPage(async (page) => {
      await say(page, "Sluice gates hold back the river");
      const wanted = answerTo(["Sluice gates hold back the river"]);
      await page.waitForFunction(writes);
      const early = (await last(page).textContent()) ?? "";
      expect(early.length).toBeLessThan(wanted.length);
      expect(wanted.startsWith(early)).toBe(true);
      await done(page);
      expect(await last(page).textContent()).toBe(wanted);
      await say(page, "And a second one");
      await done(page);
      expect(await last(page).textContent()).toContain("message number 2 in this room");
    });
  });

  test("several rooms are answered at the same time and do not mix", async () => {
    await withPage(async (page) => {
      const subjects = ["apples and pears", "ships on the ocean", "mountains under snow"];
      // Long enough that the first answer still grows when the last message is sent, on a busy machine too.
      const said = subjects.map((subject) => `${subject}${", and more".repeat(80)}`);
      for (const [at, text] of said.entries()) {
        if (at > 0) await page.getByLabel("New room").click();
        await say(page, text);
      }
      await page.waitForFunction(() => document.querySelectorAll("#rooms .busy").length === 3);
      await vi.waitFor(() => expect(chat.stats().running).toBe(3));
      await done(page);
      for (const [at, text] of said.entries()) {
        await page.locator("#rooms button", { hasText: subjects[at] as string }).click();
        expect(await page.locator("#log li").allTextContents()).toEqual([text, answerTo([text])]);
      }
      expect(await page.locator("#rooms .unread").count()).toBe(0);
    });
  });

  test("Stop ends the answer here and the run there; the other room goes on", async () => {
    await withPage(async (page) => {
      const long = "word ".repeat(300);
      await say(page, long);
      await page.getByLabel("New room").click();
      await say(page, long);
      await vi.waitFor(() => expect(chat.stats().running).toBe(2));
      await page.waitForFunction(writes);
      await page.getByRole("button", { name: "Stop" }).click();
      await page.locator("#log .stopped").waitFor();
      expect(await last(page).locator(".note").textContent()).toBe("Stopped");
      const kept = ((await last(page).locator(".text").textContent()) ?? "").length;
      expect(kept).toBeGreaterThan(5);
      expect(kept).toBeLessThan(answerTo([long.trim()]).length);
      await vi.waitFor(() => expect(chat.stats().running).toBe(1));
      expect(await page.locator("#rooms .busy").count()).toBe(1);
      await page.locator("#rooms button").first().click();
      await page.keyboard.press("Escape");
      await page.locator("#log .stopped").waitFor();
      await vi.waitFor(() => expect(chat.stats().running).toBe(0));
      expect(failures).toEqual([]);
    });
  });

  test("closing the tab ends its runs too", async () => {
    await withPage(async (page) => {
      await say(page, "word ".repeat(300));
      await vi.waitFor(() => expect(chat.stats().running).toBe(1));
    });
    await vi.waitFor(() => expect(chat.stats().running).toBe(0));
  });

  test("what is written is text, never markup", async () => {
    await withPage(async (page) => {
      const hostile = "<img/src=x/onerror=document.title=1> <script>document.title=2</script>";
      await say(page, hostile);
      await done(page);
      expect(await page.locator("#log li").allTextContents()).toEqual([hostile, answerTo([hostile])]);
      expect(await page.locator("#log img, #log script").count()).toBe(0);
      expect(await page.title()).toBe("Rooms");
    });
  });

  test("a connection that breaks is told, and leaves no half answer as a whole one", async () => {
    let breaks = () => {};
    const cut = createServer((request, response) => {
      if (request.method === "GET") return response.end(pageText);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('event: data\ndata: "Half an "\n\n');
      breaks = () => response.destroy();
    }).listen(0, "127.0.0.1");
    await once(cut, "listening");
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(cut.address() as AddressInfo).port}/`);
    await say(page, "hello");
    await page.getByText("Half an ").waitFor();
    breaks();
    await page.locator("#log .failed").waitFor();
    expect(await last(page).textContent()).toMatch(/^Half an .+Send the message again to retry\.$/);
    await page.close();
    cut.close();
  });

  test.each([
    ["desktop", "light", { width: 1100, height: 700 }],
    ["desktop", "dark", { width: 1100, height: 700 }],
    ["phone", "light", { width: 390, height: 780 }],
    ["phone", "dark", { width: 390, height: 780 }],
  ] as const)("fits a %s in %s", async (device, colorScheme, viewport) => {
    await withPage(
      async (page) => {
        await say(page, "Which word here is the longest?");
        await done(page);
        await page.getByLabel("New room").click();
        await say(page, "Tell me about sluices");
        await done(page);
        await say(
          page,
          `Anunbreakablylongword${"x".repeat(120)} and some more words to wrap over two lines at least`,
        );
        await done(page);
        await page.getByLabel("New room").click();
        await say(page, "word ".repeat(300));
        const folder = process.env.SCREENSHOTS;
        const look = async (what: string) => {
          const width = await page.evaluate(() => document.documentElement.scrollWidth);
          expect(width).toBe(viewport.width);
          const path = join(folder ?? "", `${device}-${colorScheme}-${what}.png`);
          if (folder !== undefined) await page.screenshot({ path });
        };
        await page.waitForFunction(writes);
        await look("writing");
        await page.locator("#rooms button", { hasText: "sluices" }).click();
        await look("done");
        await page.getByLabel("New room").click();
        await look("empty");
      },
      { viewport, colorScheme },
    );
  });
});
