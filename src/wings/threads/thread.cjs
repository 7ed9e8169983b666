"use strict";
// The thread's side of a call: finds the function, calls it, and sends back the outcome. Plain
// CommonJS, so that a worker loads it by its path from the sources, through tsx and from the build alike.
const { AsyncLocalStorage } = require("node:async_hooks");
const { existsSync } = require("node:fs");
const { createRequire } = require("node:module");
const { fileURLToPath, pathToFileURL } = require("node:url");
const { types } = require("node:util");
const { parentPort, receiveMessageOnPort, workerData } = require("node:worker_threads");

const MOVES = Symbol.for("sluice/1.moves");
const GENERATOR = /^\[object (Async)?GeneratorFunction\]$/;
const TYPESCRIPT = /\.[cm]?tsx?$/;
const found = new Map();

/** Piscina's handler. Failures are returned, not thrown: a thrown error would lose its own fields. */
exports.run = async function run(task) {
  const call = { label: task.label };
  current = call;
  try {
    return await calls.run(call, () => answer(task));
  } finally {
    current = undefined;
  }
};

/** The call that started some work, known even if the work fails after the call. On Node 20 it slows awaits. */
const calls = new AsyncLocalStorage();
/** The running call: a thread has one at a time. */
let current;

for (const event of ["unhandledRejection", "uncaughtException"])
  process.on(event, (error) => stray(error, event));

/** An uncaught error ends the thread, and fails the call that started the work, not a later call. */
function stray(error, event) {
  if (process.listenerCount(event) > 1) return; // the function has its own listener
  const call = calls.getStore();
  if (call !== undefined && call !== current) {
    parentPort.postMessage({ stray: String(error), label: call.label });
    return;
  }
  process.removeAllListeners(event).removeAllListeners("uncaughtException");
  queueMicrotask(() => {
    throw error;
  });
}

async function answer(task) {
  let fn;
  try {
    fn = await find(task);
  } catch (error) {
    return { kind: "unloadable", ...pack(error) };
  }
  if (GENERATOR.test(Object.prototype.toString.call(fn))) {
    if (task.port === undefined) return { kind: "generator" };
    await stream(fn, task);
    return { kind: "streamed" };
  }
  if (task.look) return { kind: "plain" };
  try {
    return movable({ kind: "value", value: await fn(...task.args) });
  } catch (error) {
    return { kind: "thrown", ...pack(error) };
  }
}

/** Loads the function; after a failure the next call tries again. */
async function find({ url, name, source, imports }) {
  if (TYPESCRIPT.test(imports)) await readTypeScript(imports);
  const key = source ?? `${url}\n${name}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const fn = source === undefined ? pick(await load(url), name, url) : compile(source);
  if (found.size > 1_000) found.clear();
  found.set(key, fn);
  return fn;
}

async function load(url) {
  const actual = typescriptFor(url) ?? url;
  if (TYPESCRIPT.test(actual)) await readTypeScript(actual);
  return import(actual);
}

/** A source that names "./hash.js" means "./hash.ts" until it is built, as in its own imports. */
function typescriptFor(url) {
  if (!/^file:.*\.[cm]?js$/.test(url) || existsSync(fileURLToPath(url))) return undefined;
  const names = [url.replace(/js$/, "ts"), url.replace(/js$/, "tsx")];
  return names.find((name) => existsSync(fileURLToPath(name)));
}

const tsx = process.execArgv
  .map((arg) => arg.replace(/^--\w+=/, ""))
  .filter((arg) => /(^|[/\\])tsx($|[/\\])/.test(arg));
let readsTypeScript = workerData.readsTypeScript;

/**
 * What tsx or a test runner does for modules of the main thread ends there; so tsx, where it is, is asked again. A Node that
 * strips types does not find "./hash.js" that is hash.ts.
 */
async function readTypeScript(url) {
  if (readsTypeScript) return;
  readsTypeScript = true;
  for (const place of [url, ...tsx]) {
    try {
      const near = createRequire(place);
      // On Node 20 the CommonJS build of tsx/esm/api looks for itself in the wrong folder.
      const api = near.resolve("tsx/esm/api").replace(/\.cjs$/, ".mjs");
      (await import(pathToFileURL(api).href)).register();
      near("tsx/cjs/api").register();
      return;
    } catch {
      // Not installed. Without it, import() fails with an unknown file extension.
    }
  }
}

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

function pick(module, name, url) {
  const outer = module.default;
  const fn = module[name] ?? (isObject(outer) ? outer[name] : undefined);
  if (typeof fn === "function") return fn;
  const kind = fn === undefined ? "no such export" : `a value of type ${fn === null ? "null" : typeof fn}`;
  const names = Object.keys(module).filter((key) => typeof module[key] === "function");
  const list = names.length > 0 ? `its functions are ${names.join(", ")}` : "it exports no function";
  throw new TypeError(`expected the export "${name}" to be a function, got ${kind}; ${list} (${url})`);
}

/** Builders write these names into functions: esbuild to keep their names, vitest for import(). */
const helpers = { __name: (fn) => fn, __vite_ssr_dynamic_import__: (name) => import(name) };

function compile(source) {
  const make = (text) => new Function(...Object.keys(helpers), `return ${text}`)(...Object.values(helpers));
  try {
    return make(`(${source}\n)`);
  } catch (error) {
    // A method is written without "function", which only an object literal takes.
    if (error instanceof SyntaxError) return Object.values(make(`({${source}\n})`))[0];
    throw error;
  }
}

/** Sends the values of a generator, as many ahead of its reader as the reader grants. */
async function stream(fn, { args, port, ahead }) {
  let credit = ahead;
  let left = false;
  const take = (message) => {
    if (message.left) left = true;
    else credit += message.credit;
  };
  const drain = () => {
    for (let entry; (entry = receiveMessageOnPort(port)) !== undefined; ) take(entry.message);
  };
  try {
    const iterator = fn(...args);
    for (;;) {
      drain();
      while (credit <= 0 && !left) {
        await new Promise((resolve) => port.once("message", (message) => resolve(take(message))));
      }
      const step = await (left ? iterator.return() : iterator.next());
      if (step.done || left) {
        port.postMessage({ kind: "end", value: step.value }, movesOf(step.value));
        return;
      }
      credit--;
      port.postMessage({ kind: "value", value: step.value }, movesOf(step.value));
    }
  } catch (error) {
    const kind = error?.name === "DataCloneError" ? "uncloneable" : "thrown";
    port.postMessage({ kind, ...pack(error) });
  } finally {
    port.close();
  }
}

/** The transfer list that `move()` has recorded for a value. */
const movesOf = (value) => (isObject(value) ? globalThis[MOVES]?.get(value) : undefined) ?? [];

function movable(outcome) {
  const list = movesOf(outcome.value);
  if (list.length === 0) return outcome;
  const { Piscina } = piscina();
  return Piscina.move({ [Piscina.transferableSymbol]: list, [Piscina.valueSymbol]: outcome });
}

/** This file may be a copy outside of every project; the thread itself was started by a file of Piscina's. */
function piscina() {
  try {
    return require("piscina");
  } catch {
    return createRequire(require.main.filename)("piscina");
  }
}

/** The maximum depth of causes. */
const DEEPEST = 8;

/** A structured clone keeps an error's message and stack only; its own fields, cause and parts travel beside it. */
function pack(error, depth = 0) {
  if (typeof error?.message !== "string") return { error: cloneable(error) ? error : String(error) };
  const others = depth < DEEPEST ? packOthers(error, depth + 1) : {};
  // Errors of the module loader's own thread, and Node 20's DOMException, lose even the message. A clone of what holds
  // others would hold them a second time.
  const isWhole = Object.keys(others).length === 0 && types.isNativeError(error) && cloneable(error);
  return { error: isWhole ? error : bare(error), fields: fieldsOf(error), ...others };
}

function packOthers({ cause, errors }, depth) {
  return {
    ...(cause !== undefined && { cause: pack(cause, depth) }),
    ...(Array.isArray(errors) && { errors: errors.map((each) => pack(each, depth)) }),
  };
}

function fieldsOf(error) {
  const fields = {};
  for (const key of Object.keys(error)) {
    if (key !== "cause" && key !== "errors" && cloneable(error[key])) fields[key] = error[key];
  }
  if (error.name !== "Error") fields.name = error.name;
  return fields;
}

/** An error of the same built-in class, with the message and the stack. */
function bare(error) {
  const Built = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].find(
    (each) => each.name === error.name,
  );
  const plain = new (Built ?? Error)(error.message);
  plain.stack = error.stack;
  return plain;
}

function cloneable(value) {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
