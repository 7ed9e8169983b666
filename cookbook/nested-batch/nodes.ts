// The nodes at the three levels: of a student, of a class, of the school. Each finds in its params where it is.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, Node } from "sluice";

/** What the flow of the school gives to every node in it. */
export interface SchoolParams {
  /** The best grade there is. */
  readonly best: number;
}

/** Inside a class there is also its name, */
export interface ClassParams extends SchoolParams {
  readonly className: string;
}

/** and inside a student's walk the student's. */
export interface StudentParams extends ClassParams {
  readonly student: string;
}

/** A student and the average of the student's grades. */
export interface Result {
  readonly className: string;
  readonly student: string;
  readonly average: number;
}

/** The store. */
export interface Shared {
  /** A folder with a folder for each class, in which each student has a file. */
  readonly folder: string;
  /** The grades of the student whose turn it is. */
  grades?: readonly number[];
  readonly results: Result[];
  /** Students whose file makes no sense, and why. */
  readonly leftOut: { readonly className: string; readonly student: string; readonly reason: string }[];
  /** Averages by class; a class without any grade has none. */
  readonly classes: Map<string, number>;
  school?: number;
}

/** Creates the store of a run. */
export const createShared = (folder: string): Shared => ({
  folder,
  results: [],
  leftOut: [],
  classes: new Map(),
});

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A file of grades, and the best that there may be in it. */
interface Source {
  readonly path: string;
  readonly best: number;
}

/** Reads the grades of one student. */
export class ReadGrades extends Node<Shared, Source, number[]> {
  override prep({ folder }: Shared, { params }: Context<StudentParams>): Source {
    const { className, student, best } = params; // of three levels, in one object
    return { path: join(folder, className, `${student}.txt`), best };
  }

  override async exec({ path, best }: Source, { signal }: Context): Promise<number[]> {
    const lines = (await readFile(path, { encoding: "utf8", signal }))
      .split(/\r?\n/)
      .filter((line) => line.trim() !== "");
    if (lines.length === 0) throw new Error("expected grades, got an empty file");
    return lines.map((line) => {
      const grade = Number(/^\s*\S.*\s(\d+(?:\.\d+)?)\s*$/.exec(line)?.[1]);
      if (grade <= best) return grade;
      throw new Error(`expected a subject and a grade from 0 to ${best}, got "${line}"`);
    });
  }

  override post(shared: Shared, _paths: unknown, grades: number[]): void {
    shared.grades = grades;
  }
}

/** Averages what was read of one student. */
export class StudentAverage extends Node<Shared, readonly number[], number> {
  constructor() {
    super({ requires: ["grades"] });
  }

  override prep({ grades = [] }: Shared): readonly number[] {
    return grades;
  }

  override exec(grades: readonly number[]): number {
    return mean(grades);
  }

  override post(shared: Shared, _grades: unknown, average: number, ctx: Context<StudentParams>): void {
    const { className, student } = ctx.params;
    shared.results.push({ className, student, average });
  }
}

/** Averages one class, once all of its students are done. */
export class ClassAverage extends Node<Shared, number[], number> {
  override prep({ results }: Shared, { params }: Context<ClassParams>): number[] {
    return results.filter(({ className }) => className === params.className).map(({ average }) => average);
  }

  override exec(averages: number[]): number {
    return mean(averages);
  }

  override post(shared: Shared, averages: number[], average: number, { params }: Context<ClassParams>): void {
    if (averages.length > 0) shared.classes.set(params.className, average);
  }
}

/** Averages the school: each student counts the same, in a large class as in a small one. */
export class SchoolAverage extends Node<Shared, number[], number> {
  override prep({ results }: Shared): number[] {
    return results.map(({ average }) => average);
  }

  override exec(averages: number[]): number {
    return mean(averages);
  }

  override post(shared: Shared, averages: number[], average: number): void {
    if (averages.length > 0) shared.school = average;
  }
}
