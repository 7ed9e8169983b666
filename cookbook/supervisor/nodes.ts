// The steps of the worker (plan, look up, write) and of those who check it (check, supervise, hand over).
import { type Context, Node } from "sluice";
import type { Desk, Llm, Plan, Review } from "./llm.js";
import type { Case } from "./sample.js";

/** The store of one run. */
export interface Shared extends Case {
  /** The names of the records that the worker has looked up. */
  readonly read: Set<string>;
  plan?: Plan;
  draft?: string;
  /** What is wrong with the draft, as far as is known. */
  objections: readonly string[];
  /** How many drafts were sent back. */
  rejected: number;
  outcome?: "approved" | "handed over";
}

/** What the run tells while it goes on. */
export type Progress =
  | { readonly lookedUp: string }
  | { readonly draft: string }
  | { readonly by: string; readonly objections: readonly string[] };

/** Creates the store of a run. */
export const createShared = ({ letter, records }: Case): Shared => ({
  letter,
  records,
  read: new Set(),
  objections: [],
  rejected: 0,
});

const deskOf = ({ letter, records, read, draft, objections }: Shared): Desk => {
  const entries = Object.entries(records);
  const unread = entries.flatMap(([name]) => (read.has(name) ? [] : name));
  return {
    letter,
    read: Object.fromEntries(entries.filter(([name]) => read.has(name))),
    unread,
    draft,
    objections,
  };
};

const patient = (backoff: number) => ({ attempts: 3, backoff, timeout: 60_000 });

/** Has the worker choose between another record and the pen. With nothing left to read it has to write. */
export class Decide extends Node<Shared, Desk, Plan> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super(patient(backoff));
    this.#llm = llm;
  }

  override prep(shared: Shared): Desk {
    return deskOf(shared);
  }

  override async exec(desk: Desk, { signal }: Context): Promise<Plan> {
    if (desk.unread.length === 0) return { action: "write", record: "" };
    const plan = await this.#llm.plan(desk, signal);
    if (plan.action === "look up" && !desk.unread.includes(plan.record)) {
      throw new Error(`Expected a record out of ${desk.unread.join(", ")}, got "${plan.record}"`);
    }
    return plan;
  }

  override post(shared: Shared, _desk: Desk, plan: Plan): Plan["action"] {
    shared.plan = plan;
    return plan.action;
  }
}

/** Puts a record on the worker's desk. */
export class LookUp extends Node<Shared> {
  override async post(
    { plan, read }: Shared,
    _none: undefined,
    _done: undefined,
    { emit }: Context,
  ): Promise<void> {
    const record = plan?.record ?? "";
    read.add(record);
    await emit({ lookedUp: record } satisfies Progress);
  }
}

/** Has the worker write the reply, in view of what was wrong with the last one. */
export class Write extends Node<Shared, Desk, string> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super(patient(backoff));
    this.#llm = llm;
  }

  override prep(shared: Shared): Desk {
    return deskOf(shared);
  }

  override exec(desk: Desk, { signal }: Context): Promise<string> {
    return this.#llm.write(desk, signal);
  }

  /** The last action of the inner flow: it picks the way on in the outer one. */
  override async post(shared: Shared, _desk: Desk, draft: string, { emit }: Context) {
    shared.draft = draft;
    await emit({ draft } satisfies Progress);
    return "drafted" as const;
  }
}

/** A step that looks for faults in the draft, and sends it back as long as that may help. */
abstract class Reviewer extends Node<Shared, Review, readonly string[]> {
  readonly #drafts: number;

  constructor(drafts: number, options?: ConstructorParameters<typeof Node<Shared>>[0]) {
    super(options);
    this.#drafts = drafts;
  }

  override prep({ letter, records, draft = "" }: Shared): Review {
    return { letter, records, draft };
  }

  override async post(shared: Shared, _review: Review, objections: readonly string[], { emit }: Context) {
    shared.objections = objections;
    if (objections.length === 0) return "approved";
    await emit({ by: this.name, objections } satisfies Progress);
    return ++shared.rejected < this.#drafts ? "send it back" : "call a person";
  }
}

/** Finds what needs no model: numbers that neither the letter nor a record has, and too many words. */
export class Check extends Reviewer {
  override exec({ letter, records, draft }: Review): string[] {
    const founded = new Set(numbersOf([letter, ...Object.values(records)].join(" ")));
    const unfounded = [...new Set(numbersOf(draft))].filter((number) => !founded.has(number));
    const named = Object.keys(records).filter((name) =>
      name.split(" ").some((word) => /\d/.test(word) && letter.includes(word)),
    );
    const hints = named.length > 0 ? named : Object.keys(records);
    const objections = unfounded.map((number) => `No record says ${number}. Look up: ${hints.join(", ")}.`);
    const words = draft.split(/\s+/).length;
    return words > 150 ? [...objections, `It has ${words} words; 120 are enough.`] : objections;
  }
}

const numbersOf = (text: string) => text.match(/\d+(?:[.,]\d+)*/g) ?? [];

/** Has the supervisor read the draft. */
export class Supervise extends Reviewer {
  readonly #llm: Llm;

  constructor(llm: Llm, drafts: number, backoff: number) {
    super(drafts, patient(backoff));
    this.#llm = llm;
  }

  override exec(review: Review, { signal }: Context): Promise<readonly string[]> {
    return this.#llm.supervise(review, signal);
  }
}

/** Notes how the case ended. */
export class Close extends Node<Shared> {
  readonly #outcome: NonNullable<Shared["outcome"]>;

  constructor(outcome: NonNullable<Shared["outcome"]>) {
    super({ name: outcome });
    this.#outcome = outcome;
  }

  override post(shared: Shared): void {
    shared.outcome = this.#outcome;
  }
}
