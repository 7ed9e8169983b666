// detectRaces(): a store that finds out which nodes read and write the same key without order.
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
  /** `"update"`: read and written in one go, as by `shared.count++`. */
  readonly kind: AccessKind;
}

/** Two parts of a run that use the same key without order, one of them to write. */
export interface Race {
  /** The key, with dots to what is in it: `"totals.eu"`. */
  readonly key: string;
  readonly sides: readonly [RaceSide, RaceSide];
  /** The race in one sentence. */
  readonly message: string;
}

/** What {@link detectRaces} gives. */
export interface RaceDetector<S> {
  /** The store, to run flows with. */
  readonly shared: S;
  /** The hook that says which node is at work; the option `around` of the same runs. */
  readonly around: Around;
  /** The races of all runs so far, each pair of nodes once for a key. */
  races(): readonly Race[];
  /** @throws Error with the message of each race, if there is any. */
  check(): void;
}

/**
 * Makes a store that notes who reads and writes it, and finds races: parallel branches, iterations without a `fork` of
 * their own, or the `onResult` and `join` of a batch and what runs beside it, that use one key without order, one of
 * them to write. It does so whatever came first in this run, as long as the two sides were ever under way at once.
 *
 * No race is what changes a value in one go, with no wait between reading and writing, on both sides: `shared.count++`,
 * `shared.list.push(x)`. Neither is copying the whole store, as `fork` does. It looks into plain objects, arrays, Map
 * and Set, not into objects of classes, and it knows nothing of what happens outside of runs. What a hook gets of the
 * store is a proxy, which `structuredClone` and a thread refuse: leave such an executor out of the test.
 *
 * @throws SluiceError `INVALID_OPTION` for a store that is no object.
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
  // To look for a member and to add it in one go is a claim, which one of them wins.
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

/** Of a pair of nodes the worse race is reported. */
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
    "give each a key or a store of its own, change the value in one go, or do one after the other";
  return { key, sides, message: `Race for the key ${quote(key)}: ${first} while ${second}; ${advice}.` };
}
