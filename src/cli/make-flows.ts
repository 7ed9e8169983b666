// Creates flows by exported functions such as createFlow(deps), without their dependencies.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { nearest } from "../base/nearest.js";
import { Failure, type Io, quoted, UsageError } from "./io.js";
import { exportsOf, isFlow, type NamedFlow } from "./load-flows.js";
import { loadModule } from "./load-module.js";
import { printable, withoutPasswords } from "./terminal-text.js";

/** The names of functions that make a flow: createFlow, createAgentFlow, makeReportFlow. */
const MAKER = /^(create|make|build)\w*Flow$/;

/**
 * Calls exported functions, and returns their flows.
 *
 * A graph hardly ever depends on clients and settings, so these are omitted; a function that needs them gets a stand-in
 * that accepts any call.
 *
 * @param only - The name of one function; `true` for all functions named like {@link MAKER}.
 * @param deps - The dependencies as JSON.
 * @throws UsageError; Failure if none of them returns a flow
 */
export async function makeFlows(
  path: string,
  only: string | true,
  deps: string | undefined,
  io: Pick<Io, "err">,
): Promise<NamedFlow[]> {
  const given = dependencies(deps);
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError("a module", quoted(path), "There is no such file; check its path.");
  const exported = exportsOf(await loadModule(file, path));
  const functions = Object.keys(exported).filter((name) => typeof exported[name] === "function");
  const names = only === true ? functions.filter((name) => MAKER.test(name)) : [only];
  const list = functions.join(", ") || "none";
  if (names.length === 0) {
    const advice = "Name the function: --call <export>.";
    throw new UsageError(`${path} to export a function create…Flow`, `the functions ${list}`, advice);
  }
  if (only !== true && !functions.includes(only)) {
    const close = nearest(only, functions);
    const advice = close === undefined ? `Its functions are: ${list}.` : `Did you mean ${close}?`;
    throw new UsageError(`an export of ${path} that is a function`, quoted(only), advice);
  }
  const flows: NamedFlow[] = [];
  const failures: Failure[] = [];
  for (const name of names) {
    try {
      flows.push({ name, flow: await made(exported[name] as Maker, given, `${name} of ${path}`) });
    } catch (error) {
      failures.push(error as Failure);
    }
  }
  if (flows.length === 0) throw failures[0];
  for (const { message } of failures) io.err(`warning: ${message}\n`);
  return flows;
}

function dependencies(text: string | undefined): object {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // reported below
  }
  throw new UsageError("--deps to be a JSON object", quoted(text), `Write --deps '{ "concurrency": 4 }'.`);
}

type Maker = (...deps: unknown[]) => unknown;

async function made(make: Maker, given: object, where: string) {
  let failure: unknown;
  for (const deps of [given, standIn(given)]) {
    try {
      const flow = await make(deps, ...Array.from({ length: Math.max(0, make.length - 1) }, () => standIn()));
      if (isFlow(flow)) return flow;
      failure = new Error("it returned no flow");
    } catch (error) {
      failure ??= error;
    }
  }
  const reason = printable(withoutPasswords(failure instanceof Error ? failure.message : String(failure)));
  const advice = "Give that as JSON with --deps, or make the flow in sluice.config.ts.";
  throw new Failure(`${where} made no flow without what it depends on (${reason}). ${advice}`);
}

/** Creates a stand-in that accepts any call, and returns itself for unknown properties. */
function standIn(given: object = {}): unknown {
  const known = new Map<PropertyKey, unknown>([
    ["then", undefined], // or an await would call it
    [Symbol.toPrimitive, () => 1],
    [Symbol.iterator, nothing],
    ...Object.entries(given),
  ]);
  const proxy: unknown = new Proxy(function standIn() {}, {
    get: (_target, key) => (known.has(key) ? known.get(key) : proxy),
    apply: () => proxy,
    construct: () => proxy as object,
  });
  return proxy;
}

function* nothing() {}
