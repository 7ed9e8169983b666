// asyncify: calls a function of a module, or a self-contained one, in a thread.
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { Params } from "sluice";
import {
  aCount,
  aString,
  builtInOf,
  checkOptions,
  invalidOption,
  quote,
  SluiceError,
  show,
} from "sluice/internal";
import { type Call, callInThread, callOf, type ThreadCall } from "./call.js";
import { isThreadPool, sharedPool, type ThreadPool } from "./pool.js";
import { stream } from "./stream.js";
import type { Target } from "./task.js";

/** The core's `any` by a name in its published types, so that these need no further file. */
type Untyped = Params[string];

/** Any function. */
export type AnyFunction = (...args: Untyped[]) => unknown;

/** The result of a call: for a generator its values as they arrive, for another function a promise of its result. */
export type ThreadResult<R> = R extends
  | Generator<infer Value, infer Last, Untyped>
  | AsyncGenerator<infer Value, infer Last, Untyped>
  ? AsyncIterable<Value, Last>
  : Promise<Awaited<R>>;

/** The arguments followed by an optional {@link ThreadCall}, also in place of omitted ones. */
export type ThreadArguments<Args extends unknown[]> =
  Args extends Required<Args> ? [...args: Args, call?: ThreadCall] : OptionalArguments<Args>;

type OptionalArguments<Args extends unknown[], Done extends unknown[] = []> = Args extends []
  ? [...Done, call?: ThreadCall]
  : number extends Required<Args>["length"]
    ? [...Done, ...Args] | [...Done, ...Args, ThreadCall]
    : Args extends [infer First, ...infer Rest]
      ? OptionalArguments<Rest, [...Done, First]>
      : Args extends [(infer First)?, ...infer Rest]
        ? [...Done, call?: ThreadCall] | OptionalArguments<Rest, [...Done, First?]>
        : never;

/** The function that {@link asyncify} makes. */
export type Asyncified<F extends AnyFunction> = (
  ...args: ThreadArguments<Parameters<F>>
) => ThreadResult<ReturnType<F>>;

/** The options of {@link asyncify}. */
export interface AsyncifyOptions {
  /** The threads to use. @default {@link sharedPool} */
  readonly pool?: ThreadPool | undefined;
  /** The function's name in errors. @default its own name, and its module's */
  readonly name?: string | undefined;
  /** The largest number of unread values of a generator; then it waits. @default 16 */
  readonly ahead?: number | undefined;
}

const optionRules = {
  pool: { expected: "a ThreadPool", accepts: isThreadPool },
  name: aString,
  ahead: aCount,
};
const ofThePool = (name: string) =>
  `write it as an option of the pool: { pool: new ThreadPool({ ${name}: … }) }`;
const instead = {
  threads: ofThePool("threads"),
  idle: ofThePool("idle"),
  resourceLimits: ofThePool("resourceLimits"),
  signal: "a signal belongs to one call: write it after the call's own arguments, { signal }",
  transfer: "a transfer belongs to one call: write it after the call's own arguments, { transfer }",
};

/**
 * Creates an async function from one that blocks: each call runs in a thread of a pool, off the event loop.
 *
 * Arguments and results are copied (structured clone), except objects in `{ transfer }` and {@link move}. A
 * call may have one more argument, `{ signal, transfer }` or the context of a hook, so that it can be used as a node's
 * `exec`. A generator function returns an async iterable; it starts when the first value is requested, waits when its
 * reader is `ahead` values behind, and ends when the reader leaves the loop.
 *
 * An abort rejects at once with the signal's reason and ends the thread without running its `finally` blocks; the pool
 * starts another thread.
 *
 * @param module - The module's URL, `new URL("./hash.js", import.meta.url)` also for a source file `hash.ts`,
 * an absolute path, or a built-in such as `"node:zlib"`. Its type is written as
 * `asyncify<typeof import("./hash.js").hash>(…)`.
 * @param exportName - The name of the export. @default "default"
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION` synchronously. A call rejects with the error of the function
 * (with its fields, causes and parts, but not its class), `UNLOADABLE`, `NOT_CLONEABLE`, `THREAD_DIED`,
 * `THREAD_NOT_STARTED`, `POOL_CLOSED` or
 * `MISSING_PEER`.
 * @example
 * ```ts
 * import { asyncify } from "sluice/threads";
 *
 * const gzip = asyncify<typeof import("node:zlib").gzipSync>("node:zlib", "gzipSync");
 * const zipped = await gzip("a".repeat(1_000), { signal: AbortSignal.timeout(10_000) });
 * zipped.length < 100; // => true
 * ```
 */
export function asyncify<F extends AnyFunction = (...args: Untyped[]) => Promise<Untyped>>(
  module: string | URL,
  exportName?: string,
  options?: AsyncifyOptions,
): Asyncified<F>;
/**
 * Creates an async function from a self-contained one. It is sent as source text, so it cannot use outer variables, and
 * imports modules with `await import("node:crypto")`.
 *
 * @example
 * ```ts
 * import { asyncify } from "sluice/threads";
 *
 * const countTo = asyncify(function* (n: number) {
 *   for (let i = 1; i <= n; i++) yield i;
 * });
 * const seen: number[] = [];
 * for await (const i of countTo(3)) seen.push(i);
 * seen; // => [1, 2, 3]
 * ```
 */
export function asyncify<F extends AnyFunction>(fn: F, options?: AsyncifyOptions): Asyncified<F>;
export function asyncify(from: unknown, ...rest: unknown[]): (...args: unknown[]) => unknown {
  const isModule = typeof from !== "function";
  const [exportName = "default", options] = isModule ? rest : [undefined, rest[0]];
  checkOptions("asyncify()", options, optionRules, instead);
  const { pool = sharedPool, name, ahead = 16 } = (options ?? {}) as AsyncifyOptions;
  const target = isModule ? moduleOf(from, exportName) : functionOf(from as AnyFunction);
  const label = name ?? target.label;
  let { isGenerator } = target;
  let calls = 0;

  return (...args) => {
    const call = callOf({ ...target.target, label, number: ++calls }, args);
    if (isGenerator) return stream(pool, call, ahead);
    if (isGenerator === false) return callInThread(pool, call).then(result);
    const work = firstCall(pool, call, ahead, (answer) => {
      isGenerator = answer;
    });
    return Object.assign(work, { [Symbol.asyncIterator]: () => valuesOf(work, label) });
  };
}

const result = (answer: object): unknown => (answer as { readonly value: unknown }).value;

/** The first call detects whether the function is a generator function, without sending buffers that would be moved. */
async function firstCall(pool: ThreadPool, call: Call, ahead: number, learn: (isGenerator: boolean) => void) {
  const { task, signal, transfer } = call;
  const look = { task: { ...task, args: [], look: true }, signal, transfer: [] };
  let answer = await callInThread(pool, transfer.length > 0 ? look : call);
  if (answer.kind === "plain") answer = await callInThread(pool, call);
  const isGenerator = answer.kind === "generator";
  learn(isGenerator);
  return isGenerator ? stream(pool, call, ahead) : result(answer);
}

/** The values of a call that may be a generator. */
async function* valuesOf(work: Promise<unknown>, label: string): AsyncGenerator<unknown, unknown, void> {
  const values = await work;
  if (Object.prototype.toString.call(values) === "[object AsyncGenerator]") {
    return yield* values as AsyncGenerator<unknown, unknown, void>;
  }
  throw new SluiceError(
    "INVALID_OPTION",
    `${label} is no generator function, so it gives one result: await it`,
  );
}

interface Source {
  readonly target: Target;
  readonly label: string;
  readonly isGenerator: boolean | undefined;
}

function moduleOf(from: unknown, name: unknown): Source {
  if (typeof name !== "string" || name === "") {
    throw invalidOption("asyncify()", "exportName", "the name of an export", name);
  }
  const url = urlOf(from);
  if (url === undefined) {
    const advice = typeof from === "string" ? `; write new URL(${quote(from)}, import.meta.url)` : "";
    const expected = `a function, or a module as a URL (file:, data: or node:) or an absolute path${advice}`;
    throw invalidOption("asyncify()", "module", expected, from);
  }
  const place = url.startsWith("data:") ? "a data: URL" : decodeURI(url.replace(/^file:.*\//, ""));
  return { target: { url, name }, label: `${quote(name)} of ${place}`, isGenerator: undefined };
}

function urlOf(from: unknown): string | undefined {
  if (typeof from === "string" && isAbsolute(from)) return pathToFileURL(from).href;
  const text = builtInOf(from) === "URL" ? (from as URL).href : from;
  return typeof text === "string" && /^(file|data|node):/.test(text) ? text : undefined;
}

function functionOf(fn: AnyFunction): Source {
  const source = Function.prototype.toString.call(fn);
  if (/^class\b/.test(source) || /\{\s*\[native code\]\s*\}$/.test(source)) {
    throw new SluiceError(
      "INVALID_OPTION",
      `asyncify(): expected a function with a source of its own, got ${show(fn)}, which is ${source.startsWith("class") ? "a class" : "built in or bound"}; write (…args) => … around it, or name its module`,
    );
  }
  const isGenerator = /GeneratorFunction\]$/.test(Object.prototype.toString.call(fn));
  return { target: { source }, label: fn.name ? quote(fn.name) : "an asyncified function", isGenerator };
}
