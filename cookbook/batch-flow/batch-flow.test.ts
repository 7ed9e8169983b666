import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSchoolFlow, type Shared } from "./batch-flow.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "school-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function average(files: Record<string, string>) {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const shared: Shared = { folder, averages: [], leftOut: [], classes: new Map() };
  await createSchoolFlow().run(shared);
  return shared;
}

test("each student, each class and the school get an average, and a student counts the same in each class", async () => {
  const { averages, classes, school } = await average({
    "7a/ada.txt": "maths 20\nart 10\n",
    "7b/ben.txt": "maths 12\n",
    "7b/cleo.txt": "maths 6\n\n",
  });
  expect(averages).toEqual([
    { className: "7a", student: "ada", average: 15 },
    { className: "7b", student: "ben", average: 12 },
    { className: "7b", student: "cleo", average: 6 },
  ]);
  expect([...classes]).toEqual([
    ["7a", 15],
    ["7b", 9],
  ]);
  expect(school).toBe(11);
});

test("each walk takes its own way, and a file that makes no sense costs one student", async () => {
  const { averages, leftOut } = await average({
    "7a/ada.txt": "",
    "7a/ben.txt": "maths 99",
    "7a/cleo.txt": "maths 9",
  });
  expect(averages.map(({ student }) => student)).toEqual(["cleo"]);
  expect(leftOut).toEqual([
    { className: "7a", student: "ada", reason: "no grades yet" },
    {
      className: "7a",
      student: "ben",
      reason: 'Expected a subject and a grade from 0 to 20, got "maths 99"',
    },
  ]);
});

test("a folder without classes is named", async () => {
  await expect(average({})).rejects.toThrow("Expected a folder for each class");
});
