// A small repair program: it reads the tests and their imports, replaces one operator at a time, and keeps a
// replacement after which fewer tests fail. (Mutation-based repair, Debroy and Wong, 2010.)
import { posix } from "node:path";
import type { Answer } from "./serve.js";

interface Decision {
  readonly action: string;
  readonly thought: string;
  readonly path: string;
  readonly find: string;
  readonly replacement: string;
}
type Entry = Omit<Decision, "thought"> & { readonly result: string };
type Known = { readonly files: readonly string[]; readonly log: readonly Entry[] };

export const answer: Answer = ({ messages }) => {
  const text = messages[0]?.text ?? "";
  return { json: decide(JSON.parse(text.slice(text.indexOf("\n\n")))) };
};

const step = (action: Decision["action"], thought: string, rest: Partial<Decision> = {}): Decision => ({
  ...{ action, thought, path: "", find: "", replacement: "" },
  ...rest,
});

/** Decides by the log so far. */
function decide({ files, log }: Known): Decision {
  const [last, before] = log.filter(({ action }) => action === "test").reverse();
  const patched = log.at(-2)?.action === "patch" && log.at(-1) === last;
  if (patched && failures(last) >= failures(before)) return step("undo", "That did not help.");

  const views = viewsOf(log);
  const tests = files.filter((file) => /\.test\.[cm]?js$/.test(file));
  const unread = tests.find((file) => !views.has(file));
  if (unread !== undefined) return step("read", "The tests say what is wanted.", { path: unread });
  for (const [file, text] of views) {
    for (const [, from = ""] of text.matchAll(/from "(\.[^"]+)"/g)) {
      const path = posix.join(posix.dirname(file), from);
      if (files.includes(path) && !views.has(path)) return step("read", `${file} uses it.`, { path });
    }
  }
  const suspects = [...views].filter(([file]) => !tests.includes(file));
  const name = suspects.flatMap(([, text]) => /export function (\w+)/.exec(text)?.[1] ?? [])[0];
  if (name !== undefined && log.every(({ action }) => action !== "search")) {
    return step("search", `Who else calls ${name}?`, { find: `${name}(` });
  }
  for (const [path, text] of suspects) {
    for (const find of text.split("\n")) {
      if (log.some((entry) => entry.path === path && entry.replacement === find)) continue; // it helped already
      for (const replacement of text.split(find).length === 2 ? variantsOf(find) : []) {
        const tried = log.some((entry) => entry.path === path && entry.replacement === replacement);
        if (!tried) return step("patch", "Another operator may be meant.", { path, find, replacement });
      }
    }
  }
  return step("stop", "No exchange of a single operator helps.");
}

const failures = (entry: Entry | undefined) =>
  Number(/(\d+) failed/.exec(entry?.result ?? "")?.[1] ?? Infinity);

/** The current files: as they were read, with later patches. */
function viewsOf(log: readonly Entry[]): Map<string, string> {
  const views = new Map<string, string>();
  const done: Entry[] = [];
  for (const entry of log) {
    const { action, path, find, replacement, result } = entry;
    if (action === "read") views.set(path, result);
    if (action === "patch" && result === "patched") {
      done.push(entry);
      views.set(
        path,
        (views.get(path) ?? "").replace(find, () => replacement),
      );
    }
    const undone = action === "undo" ? done.pop() : undefined;
    if (undone)
      views.set(
        undone.path,
        (views.get(undone.path) ?? "").replace(undone.replacement, () => undone.find),
      );
  }
  return views;
}

const EXCHANGES: Readonly<Record<string, readonly string[]>> = {
  "+": ["*", "-"],
  "-": ["+"],
  "*": ["/", "+"],
  "/": ["*"],
  "<": ["<="],
  "<=": ["<"],
  ">": [">="],
  ">=": [">"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
};

/** All variants of a line with one operator replaced, from its end, where errors are most likely. */
function variantsOf(line: string): string[] {
  if (/^\s*(?:import|\/\/|\/?\*)/.test(line)) return [];
  const operators = [...line.matchAll(/(?<= )(?:[-+*/<>]|[<>]=|[!=]==|&&|\|\|)(?= )/g)].reverse();
  return operators.flatMap(({ 0: operator, index }) =>
    (EXCHANGES[operator] ?? []).map(
      (other) => line.slice(0, index) + other + line.slice(index + operator.length),
    ),
  );
}
