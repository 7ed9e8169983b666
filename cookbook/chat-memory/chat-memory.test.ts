import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DeniedError, FinalError, type Message, type Model } from "../lib/model.js";
import { createMemoryChatFlow } from "./chat-memory.js";
import { Memory } from "./memory.js";

const folder = mkdtempSync(join(tmpdir(), "memory-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Says these lines. The model repeats the last one; vectors are of "dog" and "cat". */
async function talk(memory: Memory, lines: string[], fails?: (line: string) => Error | undefined) {
  const prompts: string[] = [];
  const embedded: string[] = [];
  const written: string[] = [];
  const model: Partial<Model> = {
    chat: async (prompt) => {
      const line = String((prompt as Message[]).at(-1)?.content);
      const error = fails?.(line);
      if (error) throw error;
      prompts.push(JSON.stringify(prompt));
      return `said ${line}`;
    },
    embed: async (texts) => {
      embedded.push(...texts);
      return texts.map((text) => [Number(/dog/.test(text)), Number(/cat/.test(text)), 0.01]);
    },
  };
  const terminal = { read: async () => lines.shift(), write: (text: string) => void written.push(text) };
  const flow = createMemoryChatFlow(model as Model, memory, terminal, { window: 2, recall: 1 });
  await flow.run({ question: "", recalled: [], answer: "" }, { maxSteps: 100 });
  return { prompts, embedded, written };
}

test("the newest exchanges are shown as they are, of the older ones only those that belong to the question", async () => {
  using memory = new Memory(":memory:", "m");
  const { prompts } = await talk(memory, [
    "my dog is Rex",
    "my cat is Tom",
    "rain",
    "snow",
    "what is my dog?",
  ]);
  expect(prompts[4]).toContain("my dog is Rex");
  expect(prompts[4]).toContain("rain");
  expect(prompts[4]).not.toContain("Tom");
});

test("no vector is asked for while the window holds everything", async () => {
  using memory = new Memory(":memory:", "m");
  const { embedded } = await talk(memory, ["one", "", "two", "three"]);
  expect(embedded).toEqual(["one\nsaid one", "two\nsaid two", "three\nsaid three"]);
});

test("it remembers over restarts, and compares no vectors of two models", async () => {
  const path = join(folder, "memory.sqlite");
  const open = async (model: string, ...lines: string[]) => {
    using memory = new Memory(path, model);
    return (await talk(memory, lines)).prompts.at(-1);
  };
  await open("m", "my dog is Rex", "rain", "snow");
  expect(await open("other", "which dog?")).not.toContain("Rex");
  expect(await open("m", "which dog?")).toContain("Rex");
});

test("an exchange that fails is shown and not remembered, and the conversation goes on", async () => {
  using memory = new Memory(":memory:", "m");
  const refused = (line: string) => (line === "bad" ? new FinalError("The model refuses: no") : undefined);
  const { written } = await talk(memory, ["bad", "good"], refused);
  expect(written).toEqual(["(Not remembered: The model refuses: no)", "said good"]);
  expect(memory.newest(5)).toEqual([{ question: "good", answer: "said good" }]);
});

test("a wrong key ends it", async () => {
  using memory = new Memory(":memory:", "m");
  const denied = new DeniedError("401");
  await expect(talk(memory, ["one"], () => denied)).rejects.toBe(denied);
});
