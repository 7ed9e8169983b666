// Runs the program as a user does, the flow with many drafts that wait, and the page in a real browser.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ServerType, serve } from "@hono/node-server";
import OpenAI from "openai";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { Gate } from "sluice";
import { openJournal } from "sluice/journal";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createApp } from "./app.js";
import { parseCommand } from "./command.js";
import { Desk } from "./desk.js";
import { createApprovalFlow } from "./flow.js";
import { Llm, type Rejected } from "./llm.js";
import { Office } from "./office.js";
import { write } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const pageText = readFileSync(join(import.meta.dirname, "page.html"), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "approval-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}, cwd = mkdtempSync(join(scratch, "run-"))) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], {
    cwd,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const prints = (what: RegExp) =>
    vi.waitFor(() => what.exec(text)?.[1] ?? expect.unreachable(text), { timeout: 60_000, interval: 10 });
  return { child, cwd, prints, ended: once(child, "close").then(([code]) => ({ code, text })) };
}
const post = (
  url: string,
  body: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
) => fetch(url, { method: "POST", headers, body: JSON.stringify(body) });

/** What npx starts. */
const command = join(
  dirname(createRequire(import.meta.url).resolve("sluice/package.json")),
  "dist/cli/main.js",
);

/** Answers by the command. @returns Its exit code. */
async function answer(cwd: string, token: string, value: unknown): Promise<unknown> {
  const args = [command, "runs", "answer", token, JSON.stringify(value), "--journal", ".approvals.db"];
  const [code] = await once(spawn(process.execPath, args, { cwd, stdio: "ignore" }), "close");
  return code;
}

describe.concurrent("the program", () => {
  test("takes decisions from lines and from the web, and publishes what was agreed to", async () => {
    const { child, cwd, prints, ended } = start(["--port", "0", "one thing", "another thing"]);
    child.stdin.write("approve it maybe\nreject shorter\napprove\n");
    const url = await prints(/or at (http:\/\/127\.0\.0\.1:\d+\/)/);
    await prints(/\n(2 · another thing · draft 1)/);
    expect(
      (await post(`${url}papers/2/decision`, { round: 1, decision: { verdict: "edit", text: "Mine." } }))
        .status,
    ).toBe(200);
    const { code, text } = await ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain('To approve, write nothing behind it, not "it maybe".');
    expect(text).toContain("1 is written anew: shorter");
    expect(text).toContain("2 of 2 published in published/");
    const files = join(cwd, "published");
    expect(readdirSync(files)).toEqual(["1-one-thing.md", "2-another-thing.md"]);
    expect(readFileSync(join(files, "1-one-thing.md"), "utf8")).toBe(`${write("one thing", ["shorter"])}\n`);
    expect(readFileSync(join(files, "2-another-thing.md"), "utf8")).toBe("Mine.\n");
  });

  test("waits for ever, but stops at once on Ctrl-C, and publishes nothing", async () => {
    const { child, cwd, prints, ended } = start(["--port", "0", "one thing"]);
    child.stdin.end();
    await prints(/\n(1 · one thing · draft 1)/);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(existsSync(join(cwd, "published"))).toBe(false);
  });

  test("asks and ends; another process answers, by page or by command; a third goes on", async () => {
    const first = start(["--leave", "one thing", "another thing", "a third thing"]);
    const asked = await first.ended;
    expect(asked.code, asked.text).toBe(3);
    expect(asked.text).toContain(
      "0 of 3 published in published/\n3 wait in .approvals.db: npm start goes on.",
    );
    const [, token = ""] = /^1: npx sluice runs answer (\w+) /m.exec(asked.text) ?? [];

    // A command that knows nothing of the flow.
    expect(await answer(first.cwd, token, { verdict: "maybe" })).toBe(0); // wrong: it is asked again
    const again = await start(["--leave"], {}, first.cwd).ended;
    expect(again.code, again.text).toBe(3);
    expect(again.text).toContain("3 wait");
    expect(await answer(first.cwd, token, { verdict: "approve" })).toBe(0);

    // A page that only takes decisions.
    const page = start(["--decide", "--stay", "--port", "0"], {}, first.cwd);
    const url = await page.prints(/or at (http:\/\/127\.0\.0\.1:\d+\/)/);
    await page.prints(/\n(3 · a third thing · draft 1)/);
    const rejected = { round: 1, decision: { verdict: "reject", feedback: "shorter" } };
    expect((await post(`${url}papers/2/decision`, rejected)).status).toBe(200);
    expect((await post(`${url}papers/2/decision`, rejected)).status).toBe(409);
    const edited = { round: 1, decision: { verdict: "edit", text: "Mine." } };
    expect((await post(`${url}papers/3/decision`, edited)).status).toBe(200);
    page.child.kill("SIGINT");
    expect((await page.ended).code).toBe(130);
    expect(existsSync(join(first.cwd, "published"))).toBe(false);

    const third = await start(["--leave"], {}, first.cwd).ended;
    expect(third.code, third.text).toBe(3);
    expect(third.text).toContain("2 of 3 published in published/\n1 waits");
    const last = start(["--port", "0"], {}, first.cwd);
    await last.prints(/\n(2 · another thing · draft 2)/);
    const [, second = ""] = /^2: npx sluice runs answer (\w+) /m.exec(third.text) ?? [];
    expect(await answer(first.cwd, second, { verdict: "approve" })).toBe(0); // and the process that waits sees it
    const { code, text } = await last.ended;
    expect(code, text).toBe(0);
    const files = join(first.cwd, "published");
    expect(readdirSync(files).map((file) => readFileSync(join(files, file), "utf8"))).toEqual([
      `${write("one thing", [])}\n`,
      `${write("another thing", ["shorter"])}\n`,
      "Mine.\n",
    ]);
  });

  test("explains wrong input", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const cases: [string[], string][] = [
      [["--port", "80a"], 'error: Expected --port to be a number from 0 to 65535, got "80a".'],
      [["--port", String(port)], `error: Expected a free port, got ${port}, which is in use.`],
      [["--decide", "--leave"], "error: Expected --decide alone"],
      [["--colour"], "error: Expected [topics…] --port <n> --out <folder> --journal <file>"],
    ];
    const ends = await Promise.all(cases.map(([args]) => start(args).ended));
    for (const [at, [, message]] of cases.entries()) {
      expect(ends[at]?.text).toContain(message);
      expect(ends[at]?.code).toBe(2);
    }
    taken.close();
  });
});

/** A model that writes at once, and counts. */
class QuickLlm extends Llm {
  readonly drafts: string[] = [];
  constructor() {
    super(new OpenAI({ apiKey: "none" }), "");
  }
  override async draft(topic: string, rejected: readonly Rejected[]): Promise<string> {
    if (topic === "broken") throw new Error("no model today");
    this.drafts.push(topic);
    return write(
      topic,
      rejected.map(({ feedback }) => feedback),
    );
  }
}

async function office(
  folder: string,
  { gate = new Gate({ concurrency: 1 }), signal = new AbortController().signal, file = ":memory:" } = {},
) {
  const llm = new QuickLlm();
  const desk = new Desk();
  const flow = createApprovalFlow({ llm, gate, folder: join(scratch, folder), backoff: 1 });
  const journal = await openJournal(file);
  const made = new Office({ desk, flow, journal, signal });
  await made.open();
  const waiting = () => desk.papers.filter(({ state }) => state === "waiting").map(({ id }) => id);
  return { office: made, desk, llm, gate, journal, waiting };
}

describe("the flow", () => {
  test("a hundred drafts wait and hold no slot, and are decided in any order", async () => {
    const { office: open, desk, gate, waiting } = await office("hundred");
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    for (let n = 1; n <= 100; n++) open.start(`topic ${n}`);
    await vi.waitFor(() => expect(waiting()).toHaveLength(100));
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0, started: 100 });
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBeLessThanOrEqual(
      timers,
    );
    for (const id of waiting().reverse())
      void open.decide(id, 1, id % 2 ? { verdict: "approve" } : { verdict: "edit", text: `mine ${id}` });
    await open.idle();
    expect(desk.papers.every(({ state }) => state === "published")).toBe(true);
    expect(readFileSync(join(scratch, "hundred", "8-topic-8.md"), "utf8")).toBe("mine 8\n");
    expect(readFileSync(join(scratch, "hundred", "7-topic-7.md"), "utf8")).toBe(`${write("topic 7", [])}\n`);
  });

  test("every rejection goes into the next draft, and nothing is published before somebody agrees", async () => {
    const { office: open, desk, llm, waiting } = await office("rejected");
    open.start("cake");
    for (const [round, feedback] of [
      [1, "shorter"],
      [2, "mention coffee"],
    ] as const) {
      await vi.waitFor(() => expect(waiting()).toEqual([1]));
      expect(await open.decide(1, round, { verdict: "reject", feedback })).toBe("taken");
    }
    await vi.waitFor(() => expect(waiting()).toEqual([1]));
    expect(desk.papers[0]).toMatchObject({ round: 3, text: write("cake", ["shorter", "mention coffee"]) });
    expect(desk.papers[0]?.rejected.map(({ feedback }) => feedback)).toEqual(["shorter", "mention coffee"]);
    expect(llm.drafts).toHaveLength(3);
    expect(existsSync(join(scratch, "rejected"))).toBe(false);
    await open.decide(1, 3, { verdict: "approve" });
    await open.idle();
    expect(readdirSync(join(scratch, "rejected"))).toEqual(["1-cake.md"]);
  });

  test("one decision counts, and only about the draft that was read", async () => {
    const { office: open, desk, waiting } = await office("once");
    open.start("cake");
    await vi.waitFor(() => expect(waiting()).toEqual([1]));
    expect(await open.decide(1, 2, { verdict: "approve" })).toBe("another draft by now");
    expect(await open.decide(7, 1, { verdict: "approve" })).toBe("no such draft");
    expect(await open.decide(1, 1, { verdict: "approve" })).toBe("taken");
    expect(await open.decide(1, 1, { verdict: "reject", feedback: "no" })).toBe("not waiting");
    await open.idle();
    expect(desk.papers[0]?.state).toBe("published");
  });

  test("a draft that fails and an abort are told, and leave the others alone", async () => {
    const stop = new AbortController();
    const { office: open, desk, waiting } = await office("failed", { gate: new Gate(), signal: stop.signal });
    open.start("cake");
    open.start("broken");
    await vi.waitFor(() => expect(desk.papers.map(({ state }) => state)).toEqual(["waiting", "failed"]));
    expect(desk.papers[1]?.note).toBe("no model today");
    expect(waiting()).toEqual([1]);
    stop.abort(new Error("closing time"));
    await open.quiet();
    expect(waiting()).toEqual([1]); // for it needs no process
    expect(existsSync(join(scratch, "failed"))).toBe(false);
  });
});

test.each([
  ["approve", { id: undefined, decision: { verdict: "approve" } }],
  [" 2 a ", { id: 2, decision: { verdict: "approve" } }],
  ["12 r too long, 3 lines", { id: 12, decision: { verdict: "reject", feedback: "too long, 3 lines" } }],
  ["EDIT Come all!", { id: undefined, decision: { verdict: "edit", text: "Come all!" } }],
  ["1 approve but shorter", expect.stringContaining("To approve, write nothing behind it")],
  ["1 reject", "To reject, say why."],
  ["yes", expect.stringContaining('got "yes"')],
  ["3", expect.stringContaining('got "3"')],
])("the line %j means what it says", (line, meaning) => {
  expect(parseCommand(line)).toEqual(meaning);
});

test("the web side refuses what is no decision, and what a form elsewhere could send", async () => {
  const { office: open, desk } = await office("refused");
  const app = createApp(open, "");
  const send = (path: string, body: string, type = "application/json") =>
    app.request(path, { method: "POST", headers: { "content-type": type }, body });
  const approve = JSON.stringify({ round: 1, decision: { verdict: "approve" } });
  expect((await send("/papers", '{"topic":"x"}', "text/plain")).status).toBe(415);
  expect((await send("/papers", '{"topic":" "}')).status).toBe(400);
  expect((await send("/papers/1/decision", "{")).status).toBe(400);
  expect(
    (await send("/papers/1/decision", '{"round":1,"decision":{"verdict":"reject","feedback":""}}')).status,
  ).toBe(400);
  expect((await send("/papers/1/decision", approve)).status).toBe(404);
  expect(desk.papers).toEqual([]);
});

const executablePath = "/usr/bin/chromium";
const hasBrowser = existsSync(executablePath);
if (!hasBrowser && process.env.CI === undefined) {
  process.stdout.write(
    `cookbook/human-approval: no browser at ${executablePath}, so the page is not tried (in CI it must be)\n`,
  );
}

describe.skipIf(!hasBrowser && process.env.CI === undefined)("the page, in Chromium", () => {
  let browser: Browser;
  let server: ServerType;
  let url: string;
  let scene: Awaited<ReturnType<typeof office>>;
  beforeAll(async () => {
    scene = await office("page");
    const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update"];
    const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", ...quiet];
    browser = await chromium.launch({ executablePath, args });
    server = serve({ fetch: createApp(scene.office, pageText).fetch, hostname: "127.0.0.1", port: 0 });
    if (!server.listening) await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
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
  const add = async (page: Page, topic: string) => {
    await page.getByLabel("Topic").fill(topic);
    await page.getByRole("button", { name: "Draft it" }).click();
    const card = page.getByRole("article", { name: topic });
    await card.getByText("waits for you").waitFor();
    return card;
  };

  test("drafts are approved, rejected with a reason, and edited", async () => {
    await withPage(async (page) => {
      const [tea, jam, pie] = [await add(page, "tea"), await add(page, "jam"), await add(page, "pie")];
      await jam.getByLabel("Feedback").fill("mention butter");
      await tea.getByRole("button", { name: "Approve" }).click();
      await tea.getByText("published", { exact: true }).waitFor();
      // What is typed about one draft outlives changes of another.
      expect(await jam.getByLabel("Feedback").inputValue()).toBe("mention butter");
      await jam.getByRole("button", { name: "Reject" }).click();
      await jam.getByText("draft 2 waits for you").waitFor();
      expect(await jam.locator(".text").textContent()).toBe(write("jam", ["mention butter"]));
      expect(await jam.locator(".note").textContent()).toBe("You said: mention butter");
      await pie.getByRole("button", { name: "Edit" }).click();
      await pie.getByLabel("Text").fill("Never mind.");
      await pie.getByRole("button", { name: "Cancel" }).click();
      expect(await pie.locator(".text").textContent()).toBe(write("pie", []));
      await pie.getByRole("button", { name: "Edit" }).click();
      await pie.getByLabel("Text").fill("Pie for <b>all</b>.");
      await pie.getByRole("button", { name: "Publish this" }).click();
      await pie.getByText("published", { exact: true }).waitFor();
      expect(await pie.locator(".text").textContent()).toBe("Pie for <b>all</b>.");
      await jam.getByRole("button", { name: "Approve" }).click();
      await jam.getByText("published", { exact: true }).waitFor();
    });
    const files = readdirSync(join(scratch, "page"));
    expect(files.map((file) => readFileSync(join(scratch, "page", file), "utf8"))).toEqual([
      `${write("tea", [])}\n`,
      `${write("jam", ["mention butter"])}\n`,
      "Pie for <b>all</b>.\n",
    ]);
  });

  test("what is decided elsewhere shows at once, and hostile topics are text", async () => {
    await withPage(async (page) => {
      const card = await add(page, "<img src=x onerror=document.title=1>");
      const id = scene.desk.papers.length;
      expect(await scene.office.decide(id, 1, { verdict: "approve" })).toBe("taken");
      await card.getByText("published", { exact: true }).waitFor();
      expect(await page.locator("#papers img").count()).toBe(0);
      expect(await page.title()).toBe("Drafts");
    });
  });

  test.each([
    ["desktop", "light", { width: 1100, height: 760 }],
    ["phone", "dark", { width: 390, height: 780 }],
  ] as const)("fits a %s in %s", async (device, colorScheme, viewport) => {
    await withPage(
      async (page) => {
        const card = await add(page, `${device} news about a wordthatislong${"x".repeat(80)}`);
        await card.getByRole("button", { name: "Edit" }).click();
        await add(page, `${device} waits`);
        const width = await page.evaluate("document.documentElement.scrollWidth");
        expect(width).toBe(viewport.width);
        const folder = process.env.SCREENSHOTS;
        if (folder)
          await page.screenshot({ path: join(folder, `${device}-${colorScheme}.png`), fullPage: true });
      },
      { viewport, colorScheme },
    );
  });
});
