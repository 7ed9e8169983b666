// Runs the program as a user does, on schools of the test's own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { createSchoolFlow } from "./flow.js";
import { createShared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "nested-batch-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function start(...args: string[]) {
  const program = join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], { cwd: scratch });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  return { code, text };
}

let schools = 0;
/** Makes a school: by class and student, the text of the student's file. */
function schoolOf(classes: Record<string, Record<string, string>>): string {
  const folder = join(scratch, `school-${schools++}`);
  mkdirSync(folder);
  for (const [name, students] of Object.entries(classes)) {
    mkdirSync(join(folder, name));
    for (const [student, text] of Object.entries(students)) writeFileSync(join(folder, name, student), text);
  }
  return folder;
}

describe.concurrent("the program", () => {
  test("averages the school that comes with it", async () => {
    const { code, text } = await start();
    const school = join(import.meta.dirname, "school");
    const all: number[] = [];
    const expected: string[][] = [];
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    for (const name of readdirSync(school).sort()) {
      expected.push([name]);
      const averages = readdirSync(join(school, name))
        .sort()
        .map((file) => {
          const grades = readFileSync(join(school, name, file), "utf8")
            .trim()
            .split("\n");
          const average = mean(grades.map((line) => Number(line.split(" ")[1])));
          expected.push(["", file.replace(".txt", ""), average.toFixed(2)]);
          return average;
        });
      expected.push(["", "average", mean(averages).toFixed(2)]);
      all.push(...averages);
    }
    expected.push(["school"], ["", "average", mean(all).toFixed(2)], [""]);
    expect(text.split("\n").map((line) => line.split(/ +/))).toEqual(expected);
    expect(all.length).toBeGreaterThan(3);
    expect(code).toBe(0);
  });

  test("leaves a student out whose file makes no sense, and says so", async () => {
    const school = schoolOf({ a: { "x.txt": "maths 3\n", "y.txt": "maths six\n" } });
    const { code, text } = await start(school, "6");
    expect(text).toBe(
      "a\n  x             3.00\n" +
        '  y: expected a subject and a grade from 0 to 6, got "maths six"\n' +
        "  average       3.00\nschool\n  average       3.00\n",
    );
    expect(code).toBe(1);
  });

  test("explains wrong input", async () => {
    const runs = [
      [["gone"], 'error: Expected the folder of a school, got "gone": ENOENT'],
      [[schoolOf({})], "error: Expected a folder for each class in"],
      [["school", "A"], 'error: Expected [folder] [best grade], got "school" "A".'],
    ] as const;
    for (const [args, message] of runs) {
      const { code, text } = await start(...args);
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

test("a student of the same name in another class is somebody else, and the params of the levels merge", async () => {
  const folder = schoolOf({
    b: { "kim.txt": "maths 1\nmusic 3\n" },
    a: { "kim.txt": "maths 10\n", "lee.txt": "modern maths  4.5\n", "notes.md": "no student" },
  });
  const shared = createShared(folder);
  await createSchoolFlow({ best: 10 }).run(shared);
  expect(shared.results).toEqual([
    { className: "a", student: "kim", average: 10 },
    { className: "a", student: "lee", average: 4.5 },
    { className: "b", student: "kim", average: 2 },
  ]);
  expect(shared.classes).toEqual(
    new Map([
      ["a", 7.25],
      ["b", 2],
    ]),
  );
  expect(shared.school).toBeCloseTo(5.5, 9); // of the three students, not of the two classes
});

test("a failure is one student's, and a class without grades has no average", async () => {
  const folder = schoolOf({
    a: { "kim.txt": "maths 11\n", "lee.txt": "maths 4\n" },
    b: { "max.txt": "\n" },
    c: {},
  });
  const shared = createShared(folder);
  await createSchoolFlow({ best: 10 }).run(shared);
  expect(shared.results).toEqual([{ className: "a", student: "lee", average: 4 }]);
  expect(shared.leftOut).toEqual([
    { className: "a", student: "kim", reason: 'expected a subject and a grade from 0 to 10, got "maths 11"' },
    { className: "b", student: "max", reason: "expected grades, got an empty file" },
  ]);
  expect(shared.classes).toEqual(new Map([["a", 4]]));
});
