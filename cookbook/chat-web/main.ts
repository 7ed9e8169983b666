// The command line: the only file that reads the environment or prints.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { serve } from "@hono/node-server";
import OpenAI from "openai";
import { createApp } from "./app.js";
import { createChatFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { Llm } from "./llm.js";

try {
  await main();
} catch (error) {
  process.exitCode = error instanceof InputError ? 2 : 1;
  console.error(error instanceof InputError ? `error: ${error.message}` : error);
}

async function main(): Promise<void> {
  const port = portOf(process.env.PORT?.trim() || "8787");
  const { llm, close } = await connect();
  const page = await readFile(new URL("page.html", import.meta.url), "utf8");
  const { app, chat } = createApp(createChatFlow({ llm }), page, (error) => console.error(error));
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port });
  const failed = once(server, "error").then(([error]) => error);
  const error = await Promise.race([once(server, "listening").then(() => undefined), failed]);
  if (error !== undefined) {
    await close();
    if (error.code !== "EADDRINUSE") throw error;
    throw new InputError(
      `Expected a free port, got ${port}, which is in use. Set PORT to another one, or to 0.`,
    );
  }
  const address = server.address();
  const at = typeof address === "object" ? address?.port : port;
  console.log(`Open http://127.0.0.1:${at}/ and press Ctrl-C to stop.`);

  const signals = ["SIGINT", "SIGTERM"] as const;
  const signal = await Promise.race(signals.map((name) => once(process, name).then(() => name)));
  const { running } = chat.stats();
  if (running > 0) console.log(`Stopping ${running} ${running === 1 ? "answer" : "answers"}.`);
  await chat.close({ deadline: 0 });
  // The stand-in would finish what it began to say, although nobody listens any more.
  process.exit(128 + constants.signals[signal]);
}

/** Finds out who answers, and says so. */
async function connect(): Promise<{ llm: Llm; close: () => Promise<void> }> {
  const apiKey = process.env.OPENAI_API_KEY?.trim();
  if (apiKey) {
    const baseURL = process.env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
    if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
      throw new InputError(
        `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
      );
    }
    const model = process.env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
    console.log(`Using ${model} at ${baseURL}.`);
    return { llm: new Llm(new OpenAI({ apiKey, baseURL }), model), close: async () => {} };
  }
  const { startStandIn } = await import("./stand-in.js");
  const standIn = await startStandIn();
  console.log(
    `No OPENAI_API_KEY: using a local stand-in at ${standIn.url}.\nIt answers with what it can count in your messages.`,
  );
  const client = new OpenAI({ apiKey: "none", baseURL: standIn.url });
  return { llm: new Llm(client, "stand-in"), close: standIn.close };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InputError(
    `Expected PORT to be a number from 0 to 65535, got "${text}". Correct it, or unset it.`,
  );
}
