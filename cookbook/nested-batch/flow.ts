// The graph: for each class (for each student (read → average) → class average) → school average.
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Action, BatchFlow, type Context, Flow, type ItemFailure, isFailure } from "sluice";
import { InputError } from "./input-error.js";
import {
  ClassAverage,
  type ClassParams,
  ReadGrades,
  SchoolAverage,
  type SchoolParams,
  type Shared,
  StudentAverage,
  type StudentParams,
} from "./nodes.js";

/** Walks its graph for each class of the school. */
class EachClass extends BatchFlow<Shared, Pick<ClassParams, "className">> {
  override async prep({ folder }: Shared) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
      throw new InputError(
        `Expected the folder of a school, got "${folder}": ${error.message}. Correct the path.`,
      );
    });
    const classes = entries.filter((entry) => entry.isDirectory()).map(({ name }) => ({ className: name }));
    if (classes.length > 0) return classes.sort((a, b) => a.className.localeCompare(b.className));
    throw new InputError(
      `Expected a folder for each class in "${folder}", got none. Make some: 7a/ada.txt, with lines such as "maths 17".`,
    );
  }
}

type Student = Pick<StudentParams, "student">;

/** Walks its graph for each student of the class that the params name; a failure is that student's alone. */
class EachStudent extends BatchFlow<Shared, Student, "collect"> {
  override async prep({ folder }: Shared, { params }: Context<ClassParams>): Promise<Student[]> {
    const names = await readdir(join(folder, params.className));
    const files = names.filter((name) => name.endsWith(".txt")).sort();
    return files.map((name) => ({ student: basename(name, ".txt") }));
  }

  override post(
    shared: Shared,
    _students: Student[],
    outcomes: (Action | ItemFailure<Student>)[],
    { params }: Context<ClassParams>,
  ): void {
    for (const { item, error } of outcomes.filter((outcome) => isFailure(outcome))) {
      const { student } = item as Student;
      const reason = error instanceof Error ? error.message : String(error);
      shared.leftOut.push({ className: params.className, student, reason });
    }
  }
}

/** What the flow works with. */
export interface SchoolDeps {
  /** The best grade there is; the worst is 0. @default 20 */
  readonly best?: number;
}

/** Creates a flow that averages the grades of a school. */
export function createSchoolFlow({ best = 20 }: SchoolDeps = {}): Flow<Shared> {
  const read = new ReadGrades();
  read.next(new StudentAverage());
  const students = new EachStudent(read, { onError: "collect" });
  students.next(new ClassAverage());
  const classes = new EachClass(students);
  classes.next(new SchoolAverage());
  const params: SchoolParams = { best };
  return new Flow(classes, { name: "School", params: { ...params } });
}
