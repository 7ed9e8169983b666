// Runs the program as a user does: as a process of its own, over real HTTP.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

function run(...args: string[]): Promise<{ code: number | null; text: string }> {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "main.ts"), ...args], {
    cwd: import.meta.dirname,
    env,
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

describe.concurrent("embed-batching", () => {
  test("asks for a thousand embeddings one by one, and sends little more than ten requests", async () => {
    const { code, text } = await run();
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const paragraphs = Number(/paragraphs +(\d+)/.exec(text)?.[1]);
    const requests = Number(/requests +(\d+)/.exec(text)?.[1]);
    expect(paragraphs).toBe(1_000);
    expect(requests).toBeGreaterThanOrEqual(10);
    expect(requests).toBeLessThanOrEqual(13);
    // The same licence line stands in many READMEs.
    expect(text).toMatch(/Said more than once: [1-9]\d* paragraphs\.\n {2}\d+ × "/);
    expect(code).toBe(0);
  });

  test("explains wrong input", async () => {
    const { code, text } = await run("many");
    expect(text).toContain("Usage: npm start -- [paragraphs]");
    expect(code).toBe(2);
  });
});
