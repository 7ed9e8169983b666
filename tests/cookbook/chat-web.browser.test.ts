// The page of the recipe chat-web, in a real browser.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import type { Browser, Page } from "playwright-core";
import type { Handler } from "sluice/serve";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createApp, createChatFlow } from "../../cookbook/chat-web/chat-web.js";
import { FinalError, type Message, type Model } from "../../cookbook/lib/model.js";
import { hasBrowser, launchBrowser } from "../support/browser.js";

describe.skipIf(!hasBrowser)("the page of chat-web, in Chromium", () => {
  let browser: Browser;
  let server: ServerType;
  let chat: Handler;
  let url: string;
  /** What the model says next, by room: a piece, an error, or nothing more. */
  const says = new Map<string, (piece?: string | Error) => void>();

  /** A model that says what a test tells it to. */
  async function* stream(prompt: readonly Message[], { signal }: { signal: AbortSignal }) {
    const room = String(prompt.at(-1)?.content);
    for (;;) {
      const piece = await new Promise<string | Error | undefined>((resolve, reject) => {
        says.set(room, resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      if (piece instanceof Error) throw piece;
      if (piece === undefined) return;
      yield piece;
    }
  }
  const say = async (room: string, piece?: string | Error) => {
    await vi.waitFor(() => expect(says.has(room)).toBe(true), { timeout: 30_000 });
    const next = says.get(room);
    says.delete(room);
    next?.(piece);
  };

  beforeAll(async () => {
    browser = await launchBrowser();
    const app = await createApp(createChatFlow({ stream } as unknown as Model), (error) =>
      expect.unreachable(String(error)),
    );
    chat = app.chat;
    server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    if (!server.listening) await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    await browser?.close();
    await chat?.close({ deadline: 0 });
    server?.close();
  });

  /** A fresh page; what it prints to its console or throws fails the test. */
  async function withPage(use: (page: Page) => Promise<void>) {
    const page = await browser.newPage({ viewport: { width: 390, height: 780 } });
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    await use(page);
    expect(complaints).toEqual([]);
    await page.close();
  }
  const ask = async (page: Page, text: string) => {
    await page.getByLabel("Message").fill(text);
    await page.keyboard.press("Enter");
  };
  const running = (count: number) =>
    vi.waitFor(() => expect(chat.stats().running).toBe(count), { timeout: 30_000 });

  test("an answer grows while it is written, and what is written is text, never markup", async () => {
    await withPage(async (page) => {
      await ask(page, "one");
      await say("one", "half ");
      await page.locator("#log .writing", { hasText: "half" }).waitFor();
      await say("one", "<img src=x onerror=document.title=1>");
      await say("one");
      await page.locator("#log .assistant:not(.writing)").waitFor();
      expect(await page.locator("#log .assistant .text").textContent()).toBe(
        "half <img src=x onerror=document.title=1>",
      );
      expect(await page.locator("#log img").count()).toBe(0);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    });
  });

  test("rooms are answered at the same time and do not mix; Stop and a closed tab end the runs", async () => {
    await withPage(async (page) => {
      await ask(page, "apples");
      await page.getByLabel("New room").click();
      await ask(page, "ships");
      await running(2);
      await say("apples", "red");
      await say("ships", "grey");
      await page.locator("#log .writing", { hasText: "grey" }).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.locator("#log .stopped").waitFor();
      expect(await page.locator("#log .stopped .text").textContent()).toBe("grey");
      await running(1);
      await page.locator("#rooms button", { hasText: "apples" }).click();
      await page.locator("#log .writing", { hasText: "red" }).waitFor();
      expect(await page.locator("#log li").count()).toBe(2);
    });
    await running(0);
  });

  test("an answer that is not whole is marked as failed with its reason, and left out of the conversation", async () => {
    await withPage(async (page) => {
      await ask(page, "cut");
      await say("cut", "half");
      await say("cut", new FinalError("The answer is cut off."));
      const failed = page.locator("#log .failed");
      await failed.waitFor();
      expect(await failed.locator(".note").textContent()).toContain("The answer is cut off.");
    });
  });
});
