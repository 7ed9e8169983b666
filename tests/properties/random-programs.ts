// Programs at random, as data, and what each must come to: a sequential interpreter that knows nothing of sluice.
import fc from "fast-check";

/** How a hook spends its time: in its own turn, over a microtask, or over a timer of so many ms. */
export type Pace = "sync" | "tick" | 0 | 1 | 2 | 3;

/** What an `exec` does, and the options of its node. */
export interface Work {
  pace: Pace;
  storePace: Pace;
  /** How many attempts at an input fail, by visit and index. */
  fails: number[];
  attempts: number;
  backoff: number;
  rescue: boolean;
  /** Whether `exec` ends when its signal fires. */
  heeds: boolean;
  timeout: number | undefined;
  gate: number | undefined;
}

interface Fan {
  wide: boolean;
  concurrency: number;
  items: number;
  source: "array" | "generator" | "async generator";
  collect: boolean;
  maxFailures: number | undefined;
  onResult: boolean;
}

/** One part of a program; ids are those of its places. */
export type Part =
  | { kind: "node"; id: number; work: Work }
  | { kind: "batch"; id: number; work: Work; fan: Fan }
  | { kind: "flow"; id: number; times: number; body: Part[] }
  | { kind: "batchFlow"; id: number; times: number; body: Part[]; fan: Fan; forks: boolean }
  | { kind: "parallel"; id: number; until: "all" | "any" | "settled"; body: Part[] };

/** When a signal fires: as the n-th hook begins, or after some ms. */
export type Moment = { hook: number } | { ms: number };

export interface Program {
  root: Part & { kind: "flow" };
  gates: number[];
  abort: Moment | undefined;
  drain: Moment | undefined;
  calls: number | undefined;
  maxSteps: number | undefined;
  watcher: "nothing" | "events" | "around" | "stream";
}

const or = <T>(usual: T, weight: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });

const paces = fc.constantFrom<Pace>("sync", "tick", 0, 1, 2, 3);

const works: fc.Arbitrary<Work> = fc.record({
  pace: paces,
  storePace: or<Pace>("sync", 2, paces),
  fails: or([0], 2, fc.array(fc.nat(3), { minLength: 1, maxLength: 3 })),
  attempts: fc.integer({ min: 1, max: 3 }),
  backoff: fc.nat(2),
  rescue: fc.boolean(),
  heeds: fc.boolean(),
  timeout: or<number | undefined>(undefined, 5, fc.constantFrom(1, 2, 60_000)),
  gate: fc.option(fc.nat(1), { nil: undefined }),
});

const fans: fc.Arbitrary<Fan> = fc
  .record({
    wide: fc.boolean(),
    concurrency: fc.integer({ min: 1, max: 4 }),
    items: fc.nat(5),
    source: fc.constantFrom("array", "generator", "async generator"),
    collect: fc.boolean(),
    maxFailures: or<number | undefined>(undefined, 3, fc.nat(2)),
    onResult: fc.boolean(),
  })
  .map((fan) => (fan.collect ? fan : { ...fan, maxFailures: undefined }));

const id = fc.constant(0);
const nodes = fc.record({ kind: fc.constant("node" as const), id, work: works });
const batches = fc.record({ kind: fc.constant("batch" as const), id, work: works, fan: fans });
const times = or(1, 2, fc.integer({ min: 1, max: 3 }));

function parts(depth: number): fc.Arbitrary<Part> {
  if (depth === 0) return fc.oneof(nodes, batches);
  const body = fc.array(parts(depth - 1), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: nodes },
    { weight: 3, arbitrary: batches },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("flow" as const), id, times, body }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("batchFlow" as const),
        id,
        times,
        body,
        fan: fans.map((fan) => ({ ...fan, items: Math.min(fan.items, 3) })),
        forks: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("parallel" as const),
        id,
        until: fc.constantFrom("all", "all", "any", "settled", "settled"),
        body,
      }),
    },
  );
}

const moments: fc.Arbitrary<Moment> = fc.oneof(
  fc.record({ hook: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ ms: fc.nat(12) }),
);

export const programs: fc.Arbitrary<Program> = fc
  .record({
    root: fc.record({
      kind: fc.constant("flow" as const),
      id,
      times,
      body: fc.array(parts(2), { minLength: 1, maxLength: 3 }),
    }),
    gates: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 2 }),
    abort: or<Moment | undefined>(undefined, 4, moments),
    drain: or<Moment | undefined>(undefined, 3, moments),
    calls: or<number | undefined>(undefined, 6, fc.integer({ min: 1, max: 20 })),
    maxSteps: or<number | undefined>(undefined, 8, fc.integer({ min: 1, max: 20 })),
    watcher: fc.constantFrom("nothing", "nothing", "nothing", "events", "around", "stream"),
  })
  .map((program) => {
    let ids = 0;
    const number = <P extends Part>(part: P): P => {
      const numbered = { ...part, id: ids++ };
      return "body" in numbered ? { ...numbered, body: numbered.body.map(number) } : numbered;
    };
    return { ...program, root: number(program.root) };
  });

export type Params = Readonly<Record<string, unknown>>;

/** Counts by name: visits of a place under some params, rounds of a loop. */
export class Counts {
  readonly #counts = new Map<string, number>();
  next(name: string): number {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count;
  }
}

/** The place of a part in a run: its id and the params that it sees. */
export const placeOf = (part: Part, params: Params): string =>
  `${part.id} ${JSON.stringify(Object.entries(params).sort())}`;

/** How many attempts at an item fail. */
export const failsOf = ({ fails }: Work, visit: number, index: number): number =>
  fails[(visit + index) % fails.length] ?? 0;

export type Log = Record<string, unknown>;

/** What a program comes to where nothing stops it. */
export interface Expected {
  log: Log;
  failed: boolean;
  /** Whether the log depends on which of several parts is first. */
  open: boolean;
  calls: number;
}

class Failed extends Error {}

/** Runs a program one part after another. */
export function interpret({ root }: Program): Expected {
  const counts = new Counts();
  const expected: Expected = { log: {}, failed: false, open: false, calls: 0 };

  /** What attempts and fallback make of an input: its value, or a failure. */
  const tried = (work: Work, value: string, visit: number, index: number): string => {
    const fails = failsOf(work, visit, index);
    if (work.timeout !== undefined && work.timeout < 1_000) expected.open = true;
    expected.calls += Math.min(fails + 1, work.attempts);
    if (fails < work.attempts) return value;
    if (work.rescue) return `rescued ${value}`;
    throw new Failed();
  };

  /** The outcomes of a batch, in order. */
  const fanOut = (name: string, fan: Fan, log: Log, one: (index: number) => string): string[] => {
    const outcomes: string[] = [];
    let failures = 0;
    const report = (outcome: string, index: number) => {
      outcomes.push(outcome);
      if (fan.onResult) log[`${name} ${index}`] = outcome;
    };
    for (let index = 0; index < fan.items; index++) {
      try {
        report(one(index), index);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        const tooMany = fan.maxFailures !== undefined && ++failures > fan.maxFailures;
        if (!fan.collect || tooMany) {
          if (fan.wide) expected.open = true;
          throw error;
        }
        report(`failed ${index}`, index);
      }
    }
    return outcomes;
  };

  const take = (part: Part, params: Params, log: Log): void => {
    const place = placeOf(part, params);
    const visit = counts.next(place);
    const name = `${place} ${visit}`;
    switch (part.kind) {
      case "node":
        log[name] = tried(part.work, name, visit, 0);
        return;
      case "batch": {
        const { fan, work } = part;
        const outcomes = fanOut(name, fan, log, (index) => tried(work, `${name} ${index}`, visit, index));
        log[name] = fan.onResult ? [] : outcomes;
        return;
      }
      case "flow":
        walk(part, params, log);
        log[name] = "walked";
        return;
      case "batchFlow": {
        const { fan } = part;
        const outcomes = fanOut(name, fan, log, (index) => {
          const local = part.forks ? {} : log;
          walk(part, { ...params, [`p${part.id}`]: index }, local);
          if (part.forks) Object.assign(log, local);
          return "walked";
        });
        log[name] = fan.onResult ? [] : outcomes;
        return;
      }
      case "parallel": {
        const outcomes = part.body.map((branch) => {
          try {
            take(branch, params, log);
            return "fulfilled";
          } catch (error) {
            if (!(error instanceof Failed)) throw error;
            return "rejected";
          }
        });
        if (part.until === "any" && part.body.length > 1) expected.open = true;
        const failed = part.until === "any" ? !outcomes.includes("fulfilled") : outcomes.includes("rejected");
        if (part.until !== "settled" && failed) {
          expected.open = true;
          throw new Failed();
        }
        log[name] = part.until === "settled" ? outcomes : "done";
      }
    }
  };

  const walk = (part: Part & { body: Part[]; times: number }, params: Params, log: Log): void => {
    do {
      for (const each of part.body) take(each, params, log);
      expected.calls++; // the node that decides on another round has an exec too
    } while ((counts.next(`round ${placeOf(part, params)}`) + 1) % part.times !== 0);
  };

  try {
    take(root, {}, expected.log);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    expected.failed = true;
  }
  return expected;
}
