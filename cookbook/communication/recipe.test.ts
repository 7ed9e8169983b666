// Runs the program as a user does, and the nodes in a flow and with a store of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Flow, node } from "sluice";
import { afterAll, describe, expect, test } from "vitest";
import { createShared, createStatisticsFlow } from "./flow.js";
import { CountText } from "./nodes.js";
import type { Counted, InHand, Statistics } from "./store.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "communication-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function fileWith(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return name;
}

async function start(args: string[]) {
  const program = join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], { cwd: scratch });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  return { code, text };
}

describe.concurrent("the program", () => {
  test("counts each text, and measures them all", async () => {
    const files = [
      fileWith("a.txt", "One two three. Four!\n"),
      fileWith("b.txt", "Three, three, three, isn't it?\n\n- 7 (seven)\n"),
      fileWith("c.txt", ""),
    ];
    const { code, text } = await start(files);
    const rows = text.split("\n").filter((line) => line.endsWith(".txt") && !line.includes("longest"));
    expect(rows.map((row) => row.trim().split(/ +/))).toEqual([
      ["4", "2", "4", "a.txt"],
      ["7", "2", "11", "b.txt"],
      ["0", "0", "11", "c.txt"],
    ]);
    expect(text.slice(text.indexOf("  texts")).split("\n")).toEqual([
      "  texts           3",
      "  words           11, of which 8 different",
      "  words a text    3.7 ± 3.5",
      "  longest         b.txt",
      "  frequent        three (4), isn't (1), seven (1)",
      "",
    ]);
    expect(code).toBe(0);
  });

  test("without arguments it takes READMEs of packages", async () => {
    const { code, text } = await start([]);
    const rows = [...text.matchAll(/^ +([\d,]+) +[\d,]+ +([\d,]+) {2}.*README\.md$/gm)];
    const [words, sums] = [1, 2].map((at) => rows.map((row) => Number(row[at]?.replaceAll(",", ""))));
    expect(words?.length).toBeGreaterThan(1);
    expect(sums?.at(-1)).toBe(words?.reduce((all, count) => all + count, 0));
    expect(code).toBe(0);
  });

  test("explains a file that is not there", async () => {
    const { code, text } = await start([fileWith("here.txt", "here"), "gone.txt"]);
    expect(text).toContain('error: Expected files of text, got "gone.txt": ENOENT');
    expect(code).toBe(2);
  });
});

test("statistics grow by one text at a time, to what all texts together would give", async () => {
  const lengths = [3, 30, 12, 7, 7, 100, 1];
  const files = lengths.map((length, at) => join(scratch, fileWith(`n${at}.txt`, "word ".repeat(length))));
  const seen: Statistics[] = [];
  const shared = createShared(files);
  await createStatisticsFlow({ onCount: ({ statistics }) => seen.push(statistics) }).run(shared);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const squares = lengths.reduce((sum, length) => sum + (length - mean) ** 2, 0);
  expect(shared.statistics.mean).toBeCloseTo(mean, 9);
  expect(shared.statistics.squares).toBeCloseTo(squares, 6);
  expect(shared.statistics.longest?.file).toBe(files[5]);
  expect(shared.statistics.vocabulary).toEqual(new Map([["word", 160]]));
  const wordsSeen = seen.map(({ words, vocabulary }) => [words, vocabulary.get("word")]);
  expect(wordsSeen).toEqual([3, 33, 45, 52, 59, 159, 160].map((sum) => [sum, sum])); // the old ones as they were
  expect(shared.files).toEqual([]);
  expect(files).toHaveLength(7); // the caller's list is the caller's
});

test("a node fits into every flow whose store has its parts", async () => {
  interface Other extends InHand, Counted {
    readonly typed: string;
  }
  const take = node({ post: (shared: Other) => void (shared.text = { file: "", content: shared.typed }) });
  take.next(new CountText<Other>());
  const shared: Other = { typed: "lock, stock and barrel" };
  await new Flow(take).run(shared);
  expect(shared.count?.words).toBe(4);
  // @ts-expect-error a store without a place for the count
  new CountText<InHand & { readonly count: number }>();
});

test("a node before its time says what it misses", async () => {
  await expect(new CountText<InHand & Counted>().run({})).rejects.toThrow(/"CountText".*text/);
});
