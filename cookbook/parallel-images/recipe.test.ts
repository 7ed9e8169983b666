// Runs the program as a user does, and both flows with walks that meet at the worst moment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as pocketflow from "pocketflow";
import { afterAll, describe, expect, test, vi } from "vitest";
import { allTasks, createImagesFlow, createMixedUpFlow } from "./flow.js";
import { fileOf, type Shared, type Task } from "./nodes.js";
import { decode, encode, type Filter, filter, type Picture, paint } from "./pictures.js";
import { here, inThreads, type Work } from "./work.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const scratch = mkdtempSync(join(tmpdir(), "images-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(...args: string[]) {
  const cwd = mkdtempSync(join(scratch, "run-"));
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], { cwd });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close").then(([code]) => ({ code, text }));
  return { child, cwd, text: () => text, ended };
}

describe.concurrent("the program", () => {
  test("every file is what its picture and its filter make, save on one store", async () => {
    const { ended, cwd } = start("--width", "60", "--out", "out");
    const { code, text } = await ended;
    expect(code, text).toBe(0);
    const load = (...path: string[]) => decode(readFileSync(join(cwd, "out", ...path)));
    for (const folder of ["one-by-one", "at-once", "in-threads"]) {
      expect(readdirSync(join(cwd, "out", folder))).toEqual(allTasks.map(fileOf).sort());
      for (const task of allTasks) {
        const right = filter(load("made", `${task.motif}.png`), task.filter);
        expect(load(folder, fileOf(task)), `${folder}: ${fileOf(task)}`).toEqual(right);
      }
    }
    const bytes = (folder: string, task: Task) => readFileSync(join(cwd, "out", folder, fileOf(task)));
    const wrong = allTasks.filter((task) => !bytes("mixed-up", task).equals(bytes("one-by-one", task)));
    expect(wrong.length).toBeGreaterThan(0);
    const rows = [...text.matchAll(/^(.+?) {2,}\d+ ms +\d+ ms +(\d+) of 16$/gm)].map(([, ...row]) => row);
    expect(rows).toEqual([
      ["one after another", "0"],
      ["at once", "0"],
      [expect.stringMatching(/^at once, in \d+ threads$/), "0"],
      ["at once, on one store", `${wrong.length}`],
    ]);
    expect(text).toContain(`Without fork and join, ${wrong.length} of 16 files hold another walk's picture.`);
  });

  test("stops at once on Ctrl-C", async () => {
    const { child, ended, text } = start();
    await vi.waitFor(() => expect(text()).toContain("No key is needed"), 60_000);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
  });

  test("explains wrong input", async () => {
    for (const [args, message] of [
      [["--width", "wide"], 'error: Expected --width to be an integer from 3 to 1200, got "wide".'],
      [["cat.png"], 'error: Expected --out <folder> and --width <pixels>, or neither, got "cat.png".'],
    ] as const) {
      const { code, text } = await start(...args).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

describe("walks that meet", () => {
  const tasks: Task[] = [
    { motif: "rings", filter: "grayscale" },
    { motif: "dusk", filter: "sepia" },
  ];
  const from = join(scratch, "made");
  mkdirSync(from);
  for (const { motif } of tasks) writeFileSync(join(from, `${motif}.png`), encode(paint(motif, 6)));
  const right = (task: Task) => filter(paint(task.motif, 6), task.filter);
  const saved = (folder: string) =>
    tasks.map((task) => decode(readFileSync(join(scratch, folder, fileOf(task)))));

  /** Both walks have their filtered picture at the same moment. */
  function together(): Work {
    let waiting = 0;
    let go = () => {};
    const both = new Promise<void>((resolve) => {
      go = resolve;
    });
    const meet = async (picture: Picture, name: Filter): Promise<Picture> => {
      if (++waiting === 2) go();
      await both;
      return filter(picture, name);
    };
    return { ...here, filter: meet };
  }
  const sharedFor = (folder: string): Shared => ({ from, to: join(scratch, folder), files: [] });

  test("on a store of its own each keeps its picture", async () => {
    const shared = sharedFor("own");
    await createImagesFlow({ work: together(), concurrency: 2, tasks }).run(shared);
    expect(saved("own")).toEqual(tasks.map(right));
    expect(shared).toEqual({ ...sharedFor("own"), files: expect.arrayContaining(tasks.map(fileOf)) });
  });

  test("on one store the last one wins", async () => {
    const shared = sharedFor("one");
    await createMixedUpFlow({ work: together(), concurrency: 2, tasks }).run(shared);
    const [first, second] = saved("one");
    expect(first).toEqual(second);
  });

  test("on PocketFlow itself too", async () => {
    const work = together();
    type Store = { picture?: Picture; filtered?: Picture };
    type Params = { readonly task?: Task };
    const written = new Map<Task | undefined, Picture | undefined>();
    class Load extends pocketflow.Node<Store, Params> {
      override async prep() {
        return join(from, `${this._params.task?.motif}.png`);
      }
      override async exec(path: unknown) {
        return decode(await readFile(path as string));
      }
      override async post(shared: Store, _path: unknown, picture: unknown) {
        shared.picture = picture as Picture;
        return undefined;
      }
    }
    class Apply extends pocketflow.Node<Store, Params> {
      override async prep({ picture }: Store) {
        return picture;
      }
      override async exec(picture: unknown) {
        return await work.filter(picture as Picture, this._params.task?.filter as Filter, undefined as never);
      }
      override async post(shared: Store, _picture: unknown, filtered: unknown) {
        shared.filtered = filtered as Picture;
        return undefined;
      }
    }
    class Save extends pocketflow.Node<Store, Params> {
      override async prep({ filtered }: Store) {
        written.set(this._params.task, filtered);
      }
    }
    class All extends pocketflow.ParallelBatchFlow<Store, Params, { task: Task }[]> {
      override async prep() {
        return tasks.map((task) => ({ task }));
      }
    }
    const load = new Load();
    load.next(new Apply()).next(new Save());
    await new All(load).run({});
    expect(new Set(written.keys())).toEqual(new Set(tasks)); // which is first depends on the disk
    const [first, second] = written.values();
    expect(first).toEqual(second);
  });

  test("a failed walk leaves nothing in the store of the others", async () => {
    const shared = sharedFor("failed");
    const work: Work = {
      ...here,
      filter: (picture, name) => {
        if (name === "sepia") throw new Error("no sepia");
        return filter(picture, name);
      },
    };
    await expect(createImagesFlow({ work, concurrency: 1, tasks }).run(shared)).rejects.toThrow("no sepia");
    expect(shared.files).toEqual(["rings.grayscale.png"]);
    expect(shared).not.toHaveProperty("picture");
  });

  test("threads give the same pictures", async () => {
    const shared = sharedFor("threads");
    await createImagesFlow({ work: inThreads(1), concurrency: 2, tasks }).run(shared);
    expect(saved("threads")).toEqual(tasks.map(right));
  });
});
