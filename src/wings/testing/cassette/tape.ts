// The file of a cassette: the results of calls by node and input.
import assert from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, isPlainObject, quote, SluiceError } from "sluice/internal";
import { decode, encode, problemOf } from "../../shared/plain-data.js";
import { settleTurns } from "../real-turns.js";

/** One recorded call. Input, params, value and data are JSON, or devalue's text where JSON would lose information. */
export interface Recording {
  /** The node's place in its graph. */
  readonly place: string;
  readonly input: unknown;
  /** Absent if there are none. */
  readonly params?: unknown;
  readonly value: unknown;
  readonly emitted?: unknown;
  readonly charged?: number;
}

const VERSION = 1;
/** Marks a value in devalue's format. */
const DEVALUE = "~devalue";

/** @throws SluiceError `CASSETTE_FAILED` for a value that is not plain data. */
export function toJson(value: unknown, what: string): unknown {
  const problem = problemOf(value);
  if (problem !== undefined) {
    const advice =
      "give and take objects, arrays, texts, numbers and the like in `exec`, or leave the executor out";
    throw new SluiceError("CASSETTE_FAILED", `${what}: expected plain data, got ${problem}; ${advice}`);
  }
  const text = encode(value);
  const isJson = text.startsWith("=") && !(isPlainObject(value) && DEVALUE in value);
  return isJson ? JSON.parse(text.slice(1)) : { [DEVALUE]: text };
}

export function fromJson(value: unknown): unknown {
  if (isPlainObject(value) && typeof value[DEVALUE] === "string") return decode(value[DEVALUE]);
  return structuredClone(value);
}

/** Returns the key of a call, which does not depend on the order of the keys of its input. */
export function keyOf({ place, input, params }: Pick<Recording, "place" | "input" | "params">): string {
  return JSON.stringify([place, input, params ?? {}], (_key, value) =>
    isPlainObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

export class Tape {
  readonly #file: string;
  readonly #recordings = new Map<string, Recording[]>();
  /** The pending write, which will include all recordings made so far; written by `save`. */
  #saving: Promise<void> | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads the file, if there is one. @throws SluiceError `CASSETTE_FAILED`. */
  load(): void {
    if (!existsSync(this.#file)) return;
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(this.#file, "utf8"));
    } catch (error) {
      throw this.#failed(`cannot be read: ${describe(error)}`, error);
    }
    const { version, calls } = Object(content) as { version?: unknown; calls?: unknown };
    if (version !== VERSION || !Array.isArray(calls))
      throw this.#failed("is no cassette of this version; record it anew");
    for (const call of calls as Recording[]) this.add(call);
  }

  /** The recordings of identical calls, in the order in which one run made them. */
  get(key: string): readonly Recording[] {
    return this.#recordings.get(key) ?? [];
  }

  add(recording: Recording): void {
    const key = keyOf(recording);
    const list = this.#recordings.get(key);
    if (list === undefined) this.#recordings.set(key, [recording]);
    else list.push(recording);
  }

  /** Resolves when the file has all recordings made so far. @throws SluiceError `CASSETTE_FAILED`. */
  save(): Promise<void> {
    this.#saving ??= this.#written
      .catch(() => {})
      .then(async () => {
        await settleTurns(); // one write for calls that end together
        this.#saving = undefined;
        await this.#write();
      });
    this.#written = this.#saving;
    return this.#saving;
  }

  /** The error message for a call that was not recorded. */
  miss(call: Pick<Recording, "place" | "input" | "params">, nth: number): string {
    const where = `${quote(call.place)}: cassette ${quote(this.#file)}`;
    const advice =
      "record it with SLUICE_CASSETTE=record (all calls anew) or SLUICE_CASSETTE=add (new calls alone)";
    const known = this.get(keyOf(call)).length;
    if (known > 0)
      return `${where} has this call ${known} times, and it was made ${nth + 1} times in one run; ${advice}`;
    const wanted = shownOf(call);
    const others = [...this.#recordings.values()].flat().filter(({ place }) => place === call.place);
    if (others.length === 0) return `${where} has no call of this node; ${advice}. Its input:\n${wanted}`;
    const nearest = others
      .map((other) => shownOf(other))
      .reduce((best, each) => (likeness(each, wanted) > likeness(best, wanted) ? each : best));
    return `${where} has no call with this input; ${advice}. Beside the most similar one that it has:\n${diff(nearest, wanted)}`;
  }

  async #write(): Promise<void> {
    const calls = [...this.#recordings].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) => list);
    const temporary = `${this.#file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      await writeFile(temporary, `${JSON.stringify({ version: VERSION, calls }, null, 2)}\n`);
      await rename(temporary, this.#file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw this.#failed(`cannot be written: ${describe(error)}`, error);
    }
  }

  #failed(what: string, cause?: unknown): SluiceError {
    return new SluiceError("CASSETTE_FAILED", `Cassette ${quote(this.#file)} ${what}`, { cause });
  }
}

/** Formats the input of a call as lines. */
function shownOf({ input, params }: Pick<Recording, "input" | "params">): string {
  const show = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
  return params === undefined ? show(input) : `${show(input)}\nparams ${show(params)}`;
}

/** The share of common words among all words of two texts (Jaccard similarity). */
function likeness(a: string, b: string): number {
  const [first, second] = [a, b].map((text) => new Set(text.split(/\s+/))) as [Set<string>, Set<string>];
  const shared = [...first].filter((word) => second.has(word)).length;
  return shared / (first.size + second.size - shared);
}

/** A line diff of two inputs: `-` was recorded, `+` is new. */
function diff(recorded: string, came: string): string {
  const [expected, actual] = [recorded.split("\n"), came.split("\n")];
  const { message } = new assert.AssertionError({ actual, expected, operator: "deepStrictEqual" });
  return message.split("\n").slice(1).join("\n").trim();
}
