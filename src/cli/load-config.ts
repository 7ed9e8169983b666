// sluice.config.ts: the journal, and the flows by name.
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Flow } from "sluice";
import { nameOf } from "sluice/internal";
import { show } from "../base/errors.js";
import { nearest } from "../base/nearest.js";
import { called } from "./called.js";
import { quoted, UsageError } from "./io.js";
import { isFlow, type NamedFlow } from "./load-flows.js";
import { loadModule } from "./load-module.js";

/** A flow of a config, before its creation. */
interface Entry {
  readonly flow: () => unknown;
  /** Returns the transient keys of the store. */
  readonly shared?: (() => unknown) | undefined;
}

/** A loaded config. */
export interface Config {
  /** The path that the user has given. */
  readonly path: string;
  readonly folder: string;
  /** A path, a URL, a journal, or a function that returns one of these; not checked yet. */
  readonly journal: unknown;
  readonly flows: ReadonlyMap<string, Entry>;
}

/** The file names to look for in the working folder. */
const NAMES = ["ts", "mts", "cts", "js", "mjs", "cjs"].map((ending) => `sluice.config.${ending}`);
const KEYS = ["journal", "flows"];
const ENTRY_KEYS = ["flow", "shared"];

/**
 * Loads the config of the working folder.
 *
 * @param given - Another path of the config.
 * @returns The config, or `undefined` if there is none.
 * @throws UsageError, Failure
 */
export async function loadConfig(given: string | undefined): Promise<Config | undefined> {
  const path = given ?? findConfig();
  if (path === undefined) return undefined;
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError("a config", quoted(path), "There is no such file; check its path.");
  const { journal, flows = {} } = checkKeys(defaultOf(await loadModule(file, path), path), path);
  return { path, folder: dirname(file), journal, flows: entriesOf(flows, path) };
}

function findConfig(): string | undefined {
  const [first, second] = NAMES.filter((name) => existsSync(name));
  if (second === undefined) return first;
  throw new UsageError("one config", `${first} and ${second}`, "Name one of them: --config <file>");
}

/** The error of a command without the config that it needs. */
export const noConfig = (): UsageError =>
  new UsageError(
    "sluice.config.ts in this folder, or --config",
    "neither",
    'Write it: export default { journal: "runs.db", flows: { name: () => createFlow() } }',
  );

function defaultOf(module: Record<string, unknown>, path: string): Record<string, unknown> {
  let config = module.default;
  // CommonJS that was compiled from ES modules has its default export nested here.
  if (isRecord(config) && "__esModule" in config) config = config.default;
  if (isRecord(config)) return config;
  const got = config === undefined ? `the exports ${Object.keys(module).join(", ") || "none"}` : show(config);
  const advice = "Write export default { journal, flows }.";
  throw new UsageError(`${path} to have an object as its default export`, got, advice);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checkKeys(config: Record<string, unknown>, path: string): Record<string, unknown> {
  for (const key of Object.keys(config)) checkKey(key, KEYS, path);
  return config;
}

function checkKey(key: string, known: readonly string[], where: string): void {
  if (known.includes(key)) return;
  const close = nearest(key, known);
  const advice = close === undefined ? "Take it out." : `Did you mean ${close}?`;
  throw new UsageError(`a key of ${where} (${known.join(", ")})`, quoted(key), advice);
}

function entriesOf(flows: unknown, path: string): Map<string, Entry> {
  if (!isRecord(flows) || isFlow(flows)) {
    const advice = "Write flows: { name: () => createFlow() }.";
    throw new UsageError(`flows of ${path} to be an object of functions`, show(flows), advice);
  }
  return new Map(Object.entries(flows).map(([name, value]) => [name, entryOf(value, name, path)]));
}

function entryOf(value: unknown, name: string, path: string): Entry {
  const where = `flows.${name} of ${path}`;
  if (typeof value === "function") return { flow: value as () => unknown };
  if (!isRecord(value) || isFlow(value)) {
    const advice = `Write ${name}: () => createFlow(), or ${name}: { flow: () => createFlow(), shared }.`;
    throw new UsageError(`${where} to be a function`, show(value), advice);
  }
  for (const key of Object.keys(value)) checkKey(key, ENTRY_KEYS, where);
  const { flow, shared } = value;
  if (typeof flow !== "function")
    throw new UsageError(`flow in ${where} to be a function`, show(flow), "Write flow: () => createFlow().");
  if (shared !== undefined && typeof shared !== "function") {
    const advice = "Write shared: () => ({ client }).";
    throw new UsageError(`shared in ${where} to be a function`, show(shared), advice);
  }
  return { flow: flow as () => unknown, shared: shared as (() => unknown) | undefined };
}

/** The entry of a name. @throws UsageError that lists the names. */
function entryNamed({ path, flows }: Config, name: string): Entry {
  const entry = flows.get(name);
  if (entry !== undefined) return entry;
  const names = [...flows.keys()];
  const close = nearest(name, names);
  const list = names.length === 0 ? "It has none." : `It has: ${names.join(", ")}.`;
  const advice = close === undefined ? list : `Did you mean ${close}? ${list}`;
  throw new UsageError(`a flow of ${path}`, quoted(name), advice);
}

/** Creates the flow of a name. @throws UsageError, Failure */
export async function makeFlow(config: Config, name: string): Promise<Flow> {
  const { flow: make } = entryNamed(config, name);
  const where = `flows.${name} of ${config.path}`;
  const flow = await called(make, where);
  if (isFlow(flow)) return flow;
  throw new UsageError(`${where} to give a flow`, show(flow), "Return one: () => new Flow(firstNode)");
}

/** Creates one flow or all flows, to draw them. */
export async function makeFlows(config: Config, only: string | undefined): Promise<NamedFlow[]> {
  const names = only === undefined ? [...config.flows.keys()] : [only];
  if (names.length === 0) {
    const advice = "Write flows: { name: () => createFlow() }.";
    throw new UsageError(`${config.path} to have flows`, "none", advice);
  }
  return Promise.all(names.map(async (name) => ({ name, flow: await makeFlow(config, name) })));
}

/** Creates the flow of a run, and its store. @throws UsageError, Failure */
export async function makeRun(config: Config, name: string): Promise<{ flow: Flow; shared: object }> {
  const { shared: make } = entryNamed(config, name);
  const flow = await makeFlow(config, name);
  const where = `flows.${name} of ${config.path}`;
  const own = nameOf(flow);
  if (own !== name) {
    const advice = `Runs know a flow by its own name: write flows: { ${JSON.stringify(own)}: … }, or name the flow ${quoted(name)}.`;
    throw new UsageError(`${where} to give a flow of that name`, `one named ${quoted(own)}`, advice);
  }
  if (make === undefined) return { flow, shared: {} };
  const shared = await called(make, `shared in ${where}`);
  if (isRecord(shared)) return { flow, shared };
  throw new UsageError(`shared in ${where} to give an object`, show(shared), "Return the transient keys.");
}
