// The page of the recipe react-chat in a real browser: the AI SDK's useChat on a flow.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import type { Browser, Page } from "playwright-core";
import type { Handler } from "sluice/serve";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { FinalError, type Message, type Model } from "../../cookbook/lib/model.js";
import { createApp } from "../../cookbook/react-chat/app.js";
import { createChat, createChatFlow } from "../../cookbook/react-chat/react-chat.js";
import { hasBrowser, launchBrowser } from "../support/browser.js";

describe.skipIf(!hasBrowser)("the page of react-chat, in Chromium", () => {
  let browser: Browser;
  let server: ServerType;
  let chat: Handler;
  let url: string;
  /** What the model was shown, last. */
  let shown: readonly Message[] = [];
  /** Gives the model its next piece, or an error, or, without one, the end of its answer. */
  let next: ((piece?: string | Error) => void) | undefined;

  /** A model that says what a test says, and always suggests the same question. */
  async function* stream(prompt: readonly Message[], { signal }: { signal: AbortSignal }) {
    shown = prompt.slice(1);
    for (;;) {
      const piece = await new Promise<string | Error | undefined>((resolve, reject) => {
        next = resolve;
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      if (piece instanceof Error) throw piece;
      if (piece === undefined) return;
      yield piece;
    }
  }
  const json = async () => ({ questions: ["And then?"] });
  const say = async (piece?: string | Error) => {
    await vi.waitFor(() => expect(next).toBeDefined(), { timeout: 30_000 });
    const give = next;
    next = undefined;
    give?.(piece);
  };

  beforeAll(async () => {
    browser = await launchBrowser();
    const flow = createChatFlow({ stream, json } as unknown as Model);
    chat = createChat(flow, (error) => expect.unreachable(String(error)));
    const { fetch } = await createApp(chat);
    server = serve({ fetch, hostname: "127.0.0.1", port: 0 });
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
    next = undefined;
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
  const answer = (page: Page, hasText: string) => page.locator("li.assistant", { hasText }).waitFor();

  test("an answer grows, the page says what the flow does, and a suggestion is the next question", async () => {
    await withPage(async (page) => {
      await ask(page, "one");
      await answer(page, "Answering");
      await say("half ");
      await answer(page, "half ");
      await say("<img src=x onerror=document.title=1>");
      await say();
      await page.getByRole("button", { name: "And then?" }).click();
      await say("two");
      await say();
      await answer(page, "two");
      const whole = "half <img src=x onerror=document.title=1>";
      const lines = ["one", whole, "And then?", "two"];
      const check = async () => expect(await page.locator("li").allTextContents()).toEqual(lines);
      await vi.waitFor(check, { timeout: 30_000 });
      expect(shown.map(({ content }) => content)).toEqual(["one", whole, "And then?"]);
      expect(await page.locator("li img").count()).toBe(0);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    });
  });

  test("an answer that is not whole is marked, asked once more by a button, and not shown to the model", async () => {
    await withPage(async (page) => {
      await ask(page, "one");
      await say("half");
      await answer(page, "half");
      await say(new FinalError("The answer is cut off."));
      await page.getByRole("alert").filter({ hasText: "The answer is cut off." }).waitFor();
      await answer(page, "Not complete");
      await page.getByRole("button", { name: "Try again" }).click();
      await say("whole");
      await answer(page, "whole");
      expect(shown.map(({ content }) => content)).toEqual(["one"]);
      await page.getByRole("button", { name: "Stop" }).click();
      await answer(page, "Not complete");
      await vi.waitFor(() => expect(chat.stats().running).toBe(0), { timeout: 30_000 });
      next = undefined;
      await ask(page, "two");
      await say("x");
      await answer(page, "x");
      expect(shown.map(({ content }) => content)).toEqual(["one", "two"]);
    });
    await vi.waitFor(() => expect(chat.stats().running).toBe(0), { timeout: 30_000 });
  });
});
