// Averages of a school: for each class, for each student. Both loops are batch flows, one inside the other.
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Action, BatchFlow, type Context, chain, Flow, type ItemFailure, isFailure, node } from "sluice";
import { UsageError } from "../lib/main.js";

/** Params of the iterations: each level adds its own, and a node gets all of them merged. */
type ClassParams = { readonly className: string };
type StudentParams = ClassParams & { readonly student: string };

export interface Shared {
  /** Has a folder for each class, in which each student has a file with lines such as `maths 17`. */
  readonly folder: string;
  /** Of the current student: iterations of a `BatchFlow` run one after another. */
  grades?: readonly number[];
  readonly averages: (StudentParams & { readonly average: number })[];
  /** Students without an average, and why. */
  readonly leftOut: (StudentParams & { readonly reason: string })[];
  readonly classes: Map<string, number>;
  school?: number;
}

const BEST = 20;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const readGrades = () =>
  node({
    name: "ReadGrades",
    prep: ({ folder }: Shared, { params }: Context<StudentParams>) =>
      join(folder, params.className, `${params.student}.txt`),
    exec: async (path, { signal }) => {
      const text = await readFile(path, { encoding: "utf8", signal });
      return text
        .split(/\r?\n/)
        .filter((line) => line.trim() !== "")
        .map(gradeIn);
    },
    post: (shared, _path, grades) => {
      shared.grades = grades;
      return grades.length > 0 ? "graded" : "no grades yet";
    },
  });

function gradeIn(line: string): number {
  const grade = Number(/^\s*\S.*\s(\d+(?:\.\d+)?)\s*$/.exec(line)?.[1]);
  if (grade <= BEST) return grade;
  throw new Error(`Expected a subject and a grade from 0 to ${BEST}, got "${line}"`);
}

const averageGrades = () =>
  node({
    name: "AverageGrades",
    requires: ["grades"],
    post: ({ averages, grades = [] }: Shared, _none, _done, { params }: Context<StudentParams>) => {
      averages.push({ ...params, average: mean(grades) });
    },
  });

/** Runs its graph for each student of the class. An invalid file fails for one student only. */
class EachStudent extends BatchFlow<Shared, { student: string }, "collect"> {
  override async prep({ folder }: Shared, { params }: Context<ClassParams>) {
    const files = (await readdir(join(folder, params.className))).filter((file) => file.endsWith(".txt"));
    return files.sort().map((file) => ({ student: basename(file, ".txt") }));
  }

  /** Gets the last action of each iteration, or its failure, in the order of the params. */
  override post(
    shared: Shared,
    students: { student: string }[],
    ends: (Action | ItemFailure)[],
    { params }: Context<ClassParams>,
  ): void {
    for (const [at, end] of ends.entries()) {
      const reason = isFailure(end) ? (end.error as Error).message : end;
      const { student = "" } = students[at] ?? {};
      if (reason) shared.leftOut.push({ ...params, student, reason });
    }
  }
}

/** Runs its graph for each class. The batch flow of students is part of that graph. */
class EachClass extends BatchFlow<Shared, ClassParams> {
  override async prep({ folder }: Shared) {
    const entries = await readdir(folder, { withFileTypes: true });
    const classes = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    if (classes.length === 0)
      throw new UsageError(`Expected a folder for each class in "${folder}", got none.`);
    return classes.sort().map((className) => ({ className }));
  }
}

export function createSchoolFlow(): Flow<Shared> {
  const averageClass = node({
    name: "AverageClass",
    post: ({ averages, classes }: Shared, _none, _done, { params: { className } }: Context<ClassParams>) => {
      const own = averages.filter((each) => each.className === className).map(({ average }) => average);
      if (own.length > 0) classes.set(className, mean(own));
    },
  });
  const averageSchool = node({
    name: "AverageSchool",
    post: (shared: Shared) => {
      if (shared.averages.length > 0) shared.school = mean(shared.averages.map(({ average }) => average));
    },
  });
  const read = readGrades();
  read.branch({ graded: averageGrades(), "no grades yet": null });
  const students = new EachStudent(read, { onError: "collect" });
  const classes = new EachClass(chain(students, averageClass));
  classes.next(averageSchool);
  return new Flow(classes, { name: "School" });
}
