// detectRaces(): a store that detects which nodes access the same key without order.
import type { Around } from "sluice";
import { anObject, invalidOption, quote } from "sluice/internal";
import { type Access, Accesses, type AccessKind, MEMBERS } from "./accesses.js";
import { areUnordered, Frames } from "./frames.js";
import { Tracker } from "./tracked.js";

/** One of the two sides of a race. */
export interface RaceSide {
  /** The name of the node. */
  readonly node: string;
  /** Names from the outermost flow to the node; a number is an iteration. */
  readonly path: readonly (string | number)[];
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** `"update"`: read and written with no wait in between, as by `shared.count++`. */
  readonly kind: AccessKind;
}

/** Two parts of a run that access the same key without order, at least one of them with a write. */
export interface Race {
  /** The key, with nested keys after dots: `"totals.eu"`. */
  readonly key: string;
  readonly sides: readonly [RaceSide, RaceSide];
  /** The race in one sentence. */
  readonly message: string;
}

/** The result of {@link detectRaces}. */
export interface RaceDetector<S> {
  /** The store to run flows on. */
  readonly shared: S;
  /** The hook that finds the node of each access; pass it as the option `around` of the same runs. */
  readonly around: Around;
  /** The races of all runs so far, one for each key and pair of nodes. */
  races(): readonly Race[];
  /** Throws if there is a race. @throws Error with the message of each race. */
  check(): void;
}

/**
 * Creates a store that records its reads and writes and detects races: parallel branches, iterations without a `fork`,
 * or the `onResult` and `join` of a batch and what runs beside it, that access one key without order, at least one of
 * them with a write. It detects a race whichever access came first in this run, if both sides were in flight at the
 * same time.
 *
 * It is not a race if both sides change the value with no wait between reading and writing, as `shared.count++` and
 * `shared.list.push(x)` do, nor if one copies the whole store, as `fork` does. Plain objects, arrays, Map and Set are
 * tracked at any depth; instances of classes and accesses outside of runs are not. Hooks get proxies of the store,
 * which `structuredClone` and threads refuse: remove such an executor in the test.
 *
 * @throws SluiceError `INVALID_OPTION` if the store is not an object.
 * @example
 * ```ts
 * import { Flow, node, parallel } from "sluice";
 * import { detectRaces } from "sluice/testing";
 *
 * interface Shared { total: number }
 * const add = (name: string, amount: number) =>
 *   node({ name, prep: ({ total }: Shared) => total, exec: async (total) => total + amount,
 *     post: (shared, _before, total) => { shared.total = total; } });
 * const { shared, around, races } = detectRaces<Shared>({ total: 0 });
 * await new Flow(parallel([add("AddOne", 1), add("AddTwo", 2)])).run(shared, { around });
 * races()[0]?.key; // => "total"
 * races()[0]?.sides.map(({ node }) => node); // => ["AddOne", "AddTwo"]
 * ```
 */
export function detectRaces<S extends object>(shared: S): RaceDetector<S> {
  if (!anObject.accepts(shared))
    throw invalidOption("detectRaces()", "shared", "the store, an object", shared);
  const frames = new Frames();
  const accesses = new Accesses(frames);
  const races = () => [...accesses.byPath()].flatMap(([path, list]) => racesAt(path, list));
  return {
    shared: new Tracker(accesses).track(shared, ""),
    around: frames.around,
    races,
    check: () => {
      const found = races();
      if (found.length > 0) throw new Error(found.map(({ message }) => message).join("\n"));
    },
  };
}

/** Whether the order of two accesses matters. */
function conflict(a: Access, b: Access): boolean {
  const [writes, updates] = ["write", "update"].map(
    (kind) => [a, b].filter((each) => each.kind === kind).length,
  );
  if (writes !== 0) return true;
  // Testing for a member and adding it with no wait in between is a claim, which one side wins.
  return updates === 1 && !(a.isCheck && b.isCheck);
}

function racesAt(path: string, list: readonly Access[]): Race[] {
  const found = new Map<string, Race>();
  for (const [at, first] of list.entries()) {
    for (const second of list.slice(at + 1)) {
      if (!conflict(first, second) || !areUnordered(first, second)) continue;
      const sides = [sideOf(first), sideOf(second)] as const;
      const pair = sides
        .map((side) => namesOf(side).join(" "))
        .sort()
        .join("\n");
      const known = found.get(pair);
      if (known === undefined || writesOf(known.sides) < writesOf(sides))
        found.set(pair, raceOf(path, sides));
    }
  }
  return [...found.values()];
}

/** The worse race of a pair of nodes is reported: the one with more writes. */
const writesOf = (sides: Race["sides"]) => sides.filter(({ kind }) => kind === "write").length;

const namesOf = ({ path }: RaceSide) => path.filter((part) => typeof part === "string");

function sideOf({ frame: { span }, kind }: Access): RaceSide {
  return { node: span?.name ?? "", path: span?.path ?? [], index: span?.index, kind };
}

const does = { read: "reads", write: "writes", update: "changes" } as const;

function raceOf(path: string, sides: readonly [RaceSide, RaceSide]): Race {
  const key = path.endsWith(`.${MEMBERS}`) ? path.slice(0, -2) : path;
  const [first, second] = sides.map(
    (side) =>
      `${quote(side.node)} (${side.path.join(" / ")}${side.index === undefined ? "" : `, index ${side.index}`}) ${does[side.kind]} it`,
  );
  const advice =
    "give each its own key or store, change the value with no wait in between, or run one after the other";
  return { key, sides, message: `Race for the key ${quote(key)}: ${first} while ${second}; ${advice}.` };
}
