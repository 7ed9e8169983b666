import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { AnswerError, type Model } from "../lib/model.js";
import { Library, passagesOf } from "./library.js";
import { type AskShared, createAskFlow, createIndexFlow, type IndexShared, reportOf } from "./rag.js";

const folder = mkdtempSync(join(tmpdir(), "rag-"));
afterAll(() => rmSync(folder, { recursive: true }));
const LOCK = "The lock has two gates, and each of them has its own lamp.";
const BAKER = "The baker of the town sells bread, and cakes on Sundays.";
beforeEach(() => writeFileSync(join(folder, "a.md"), `# Lock\n\n${LOCK}\n\n# Baker\n\n${BAKER}\n`));

/** Vectors of two words, and answers as given. */
function deps(...answers: string[]) {
  const embedded: string[] = [];
  const prompts: string[] = [];
  const errors: unknown[] = [];
  const model: Partial<Model> = {
    calls: { attempts: 2 } as Model["calls"],
    embed: async (texts) => {
      embedded.push(...texts);
      return texts.map((text) => [Number(/lock/i.test(text)), Number(/baker/i.test(text)), 0.01]);
    },
    chat: async (prompt, { lastError }) => {
      prompts.push(String(prompt));
      errors.push(lastError);
      return answers.shift() ?? "";
    },
  };
  return { model: model as Model, library: new Library(":memory:", "m"), embedded, prompts, errors };
}
async function index({ model, library }: ReturnType<typeof deps>) {
  const shared: IndexShared = { folder, patterns: ["*.md"] };
  await createIndexFlow(model, library).run(shared);
  return shared;
}
async function ask({ model, library }: ReturnType<typeof deps>, question: string) {
  const shared: AskShared = { question };
  await createAskFlow(model, library).run(shared);
  return shared;
}

test("what has not changed is not embedded again, and what is gone is no longer found", async () => {
  const all = deps();
  await index(all);
  expect(all.embedded).toEqual([`a.md § Lock\n${LOCK}`, `a.md § Baker\n${BAKER}`]);
  writeFileSync(join(folder, "a.md"), `# Baker\n\n${BAKER}\n`);
  await index(all);
  expect(all.embedded).toHaveLength(2);
  expect((await ask(all, "lock?")).hits).toEqual([]);
});

test("a folder without documents deletes nothing", async () => {
  const all = deps();
  await index(all);
  const none = createIndexFlow(all.model, all.library).run({ folder, patterns: ["*.txt"] });
  await expect(none).rejects.toThrow("Expected Markdown files with text");
  expect((await ask(all, "lock?")).hits).toHaveLength(1);
});

test("an answer is made of the near passages alone, and its sources are named", async () => {
  const all = deps("It has two gates. [1]");
  await index(all);
  const shared = await ask(all, "How many gates has the lock?");
  expect(all.prompts[0]).toContain("two gates");
  expect(all.prompts[0]).not.toContain("cakes");
  expect(reportOf(shared)).toBe("It has two gates. [1]\n  [1] a.md § Lock");
});

test("where nothing is near, no model is asked", async () => {
  const all = deps();
  await index(all);
  expect(reportOf(await ask(all, "Football?"))).toContain("no model was called");
  expect(all.prompts).toEqual([]);
});

test("an invented source fails the answer, and the next attempt gets the reason", async () => {
  const all = deps("Yes. [7]", "Yes. [1]");
  await index(all);
  expect((await ask(all, "A lock?")).answer).toBe("Yes. [1]");
  expect(all.errors[1]).toEqual(new AnswerError("There is no passage [7]."));
});

test("vectors of two models are not compared", async () => {
  const path = join(folder, "index.sqlite");
  using first = new Library(path, "one");
  first.add([{ source: "a", text: "b" }], [[1, 0]]);
  using second = new Library(path, "two");
  expect([first.nearest([1, 0], 5), second.nearest([1, 0], 5)]).toMatchObject([[{ source: "a" }], []]);
});

test("long sections are cut, and no text is lost", () => {
  const line = `${"word ".repeat(30)}end.\n`;
  const passages = passagesOf("b.md", `# Long\n\n${line.repeat(20)}\n\n${line.repeat(3)}`);
  expect(passages.every(({ source, text }) => source === "b.md § Long" && text.length <= 910)).toBe(true);
  expect(passages.flatMap(({ text }) => text.match(/end\./g))).toHaveLength(23);
});
