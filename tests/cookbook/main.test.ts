// cookbook/lib/main.ts: arguments, signals, exit codes.
import { Flow, node } from "sluice";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { program, UsageError } from "../../cookbook/lib/main.js";

const argv = process.argv;
let errors: string[];
beforeEach(() => {
  errors = [];
  vi.spyOn(console, "error").mockImplementation((text) => void errors.push(String(text)));
});
afterEach(() => {
  process.argv = argv;
  process.exitCode = undefined;
  vi.restoreAllMocks();
});
const withArgs = (...args: string[]) => {
  process.argv = ["node", "main.ts", ...args];
};
const signal = (name: "SIGINT" | "SIGTERM") =>
  (process.listeners(name).at(-1) as (name: string) => void)(name);

test("words and flags, by the types of their defaults", async () => {
  withArgs("two", "words", "--steps", "3", "--fresh");
  let got: unknown;
  await program("", { steps: 12, out: "a.json", fresh: false }, async ({ words, flags }) => {
    got = { words, flags };
  });
  expect(got).toEqual({ words: ["two", "words"], flags: { steps: 3, out: "a.json", fresh: true } });
  expect(process.exitCode).toBeUndefined();
});

test.each([
  [
    ["--steps", "none"],
    'error: Expected --steps to be a positive integer, got "none". Usage: npm start -- [--steps 12]',
  ],
  [
    ["--steps", "0"],
    'error: Expected --steps to be a positive integer, got "0". Usage: npm start -- [--steps 12]',
  ],
  [
    ["--stepz", "1"],
    expect.stringMatching(/^error: Unknown option '--stepz'.* Usage: npm start -- \[--steps 12\]$/),
  ],
])("wrong arguments: %j", async (args, message) => {
  withArgs(...args);
  const start = vi.fn();
  await program("[--steps 12]", { steps: 12 }, start);
  expect(errors).toEqual([message]);
  expect(process.exitCode).toBe(2);
  expect(start).not.toHaveBeenCalled();
});

test("an error is one line and exit code 1; a wrong use exit code 2", async () => {
  withArgs();
  await program("", {}, () => Promise.reject(new Error("no luck")));
  expect([errors, process.exitCode]).toEqual([["error: no luck"], 1]);
  await program("", {}, () => Promise.reject(new UsageError("no file")));
  expect(process.exitCode).toBe(2);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s drains, a second one aborts", async (name, code) => {
  withArgs();
  const before = process.listenerCount(name);
  const steps: string[] = [];
  await program("", {}, async ({ run }) => {
    const first = node({
      exec: async () => {
        signal(name);
        steps.push(`${run.drain.aborted} ${run.signal.aborted}`);
      },
    });
    const second = node({ exec: () => void steps.push("never") });
    first.next(second);
    await new Flow(first).run({}, run);
  });
  expect(steps).toEqual(["true false"]);
  expect(process.exitCode).toBe(code);
  expect(errors).toEqual(["Finishing what is in flight. Once more to stop now."]);
  await program("", {}, async ({ run }) => {
    signal(name);
    signal(name);
    run.signal.throwIfAborted();
  });
  expect(process.exitCode).toBe(code);
  expect(process.listenerCount(name)).toBe(before);
});

test("strings that nodes emit are printed, other data is not", async () => {
  withArgs();
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await program("", {}, async ({ run }) => {
    await new Flow(
      node({
        post: async (_shared: object, _prep, _exec, { emit }) => {
          await emit("a");
          await emit({ b: 1 });
        },
      }),
    ).run({}, run);
  });
  expect(log.mock.calls).toEqual([["a"]]);
});
