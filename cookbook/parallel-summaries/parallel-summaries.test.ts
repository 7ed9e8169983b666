import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "sluice/journal";
import { afterEach, expect, test } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { createSummariesFlow, type Entry, startOf } from "./parallel-summaries.js";

let folder = "";
let output = "";
let files: string[] = [];

/** A folder with these documents. */
function write(...texts: string[]): void {
  folder = mkdtempSync(join(tmpdir(), "summaries-"));
  output = join(folder, "summaries.json");
  files = texts.map((_, at) => join(folder, `${at}.md`));
  for (const [at, file] of files.entries()) writeFileSync(file, texts[at] ?? "");
}
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the program's work once, with a model that answers by the last word of a document. */
async function start(
  answer: (document: string) => Promise<string>,
  drain = new AbortController(),
  fresh = false,
) {
  const asked: string[] = [];
  const chat: Model["chat"] = (prompt) => {
    const document = String(prompt).split(/\s+/).at(-1) ?? "";
    asked.push(document);
    return answer(document);
  };
  await using opened = await openJournal(join(folder, "journal.db"));
  const { runId, shared } = await startOf(opened, files, output, fresh);
  const flow = createSummariesFlow({ chat } as Partial<Model> as Model);
  const error = await flow
    .run(shared, { journal: opened, runId, drain: drain.signal })
    .catch((reason) => reason);
  return { asked, error, shared };
}
const entries = (): Entry[] => JSON.parse(readFileSync(output, "utf8"));
const upper = async (document: string) => document.toUpperCase();

test("each document has its summary, in order; an empty one is skipped", async () => {
  write("one", " ", "three");
  await start(upper);
  expect(entries().map(({ summary, error }) => summary ?? error)).toEqual([
    "ONE",
    "Skipped: the file is empty",
    "THREE",
  ]);
});

test("a second run asks for nothing, a changed document is asked for again, --fresh for all", async () => {
  write("one", "two");
  await start(upper);
  expect((await start(upper)).asked).toEqual([]);
  writeFileSync(files[1] ?? "", "other");
  expect((await start(upper)).asked).toEqual(["other"]);
  expect(entries().map(({ summary }) => summary)).toEqual(["ONE", "OTHER"]);
  expect((await start(upper, undefined, true)).asked.sort()).toEqual(["one", "other"]);
});

test("a drained run keeps what is paid for, and the next start asks only for the rest", async () => {
  write(...Array.from({ length: 50 }, (_, at) => `text${at}`));
  const drain = new AbortController();
  const first = await start(async (document) => {
    if (document === "text3") drain.abort(new Error("Ctrl-C"));
    return upper(document);
  }, drain);
  expect(first.error).toEqual(new Error("Ctrl-C"));
  expect(first.asked.length).toBeLessThan(50);
  const second = await start(upper);
  expect([...first.asked, ...second.asked].sort()).toEqual(
    Array.from({ length: 50 }, (_, at) => `text${at}`).sort(),
  );
  expect(entries().map(({ summary }) => summary)).toEqual(files.map((_, at) => `TEXT${at}`));
});

test("a failed document leaves its error, costs no other, and only it is asked for again", async () => {
  write("one", "two");
  const failing = async (document: string) => {
    if (document === "two") throw new Error("busy");
    return upper(document);
  };
  await start(failing);
  expect(entries()[1]).toEqual({ file: files[1], error: "Error: busy" });
  expect((await start(upper)).asked).toEqual(["two"]);
});

test("a wrong key ends the run", async () => {
  write("one", "two");
  const denied = new DeniedError("401");
  expect((await start(() => Promise.reject(denied))).error).toBe(denied);
});
