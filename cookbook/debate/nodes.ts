// A side that speaks, and the judge who hears both.
import { type Context, Node } from "sluice";
import type { Case } from "./case.js";
import type { Llm, Scores, Speech } from "./llm.js";

export type Side = "for" | "against";

/** The store of one debate. */
export interface Shared {
  readonly case: Case;
  /** What each side has said, one speech for each round. */
  readonly speeches: Readonly<Record<Side, Speech[]>>;
  /** What the judge thought after each round. */
  readonly scores: Scores[];
  readonly limits: Limits;
  winner?: Side | "nobody";
}

/** When a debate ends. */
export interface Limits {
  /** The most rounds. */
  readonly rounds: number;
  /** The points by which a side must lead to win before that. */
  readonly margin: number;
}

/** Creates the store of a debate. */
export const createShared = (topic: Case, limits: Limits): Shared => ({
  case: topic,
  speeches: { for: [], against: [] },
  scores: [],
  limits,
});

/** What a side knows when it speaks. */
export interface Floor {
  readonly side: Side;
  readonly case: Case;
  readonly own: readonly Speech[];
  readonly other: readonly Speech[];
}

/** Speaks for one side. What rests on a fact that is none, or was used before, is a failed attempt. */
export class Speak extends Node<Shared, Floor, Speech> {
  readonly #llm: Llm;
  readonly #side: Side;

  constructor(side: Side, llm: Llm) {
    super({ name: side === "for" ? "SpeakFor" : "SpeakAgainst", attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
    this.#side = side;
  }

  /** Both speak at once, and the quicker must not be heard by the slower: each gets the rounds before this one. */
  override prep({ case: topic, speeches, scores }: Shared): Floor {
    const said = (side: Side) => speeches[side].slice(0, scores.length);
    const other = said(this.#side === "for" ? "against" : "for");
    return { side: this.#side, case: topic, own: said(this.#side), other };
  }

  override async exec(floor: Floor, { signal }: Context): Promise<Speech> {
    const speech = await this.#llm.speak(floor, signal);
    const { facts } = floor.case;
    if (facts[speech.fact - 1] === undefined) {
      throw new Error(`Speech ${floor.side}: there is no fact ${speech.fact}, only 1 to ${facts.length}.`);
    }
    if (floor.own.some(({ fact }) => fact === speech.fact)) {
      throw new Error(`Speech ${floor.side}: fact ${speech.fact} was used before.`);
    }
    return speech;
  }

  override post({ speeches }: Shared, _floor: Floor, speech: Speech): void {
    speeches[this.#side].push(speech);
  }
}

/** Scores all that was said so far, and says whether it is enough. */
export class Judge extends Node<Shared, Pick<Shared, "case" | "speeches">, Scores> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ case: topic, speeches }: Shared): Pick<Shared, "case" | "speeches"> {
    return { case: topic, speeches };
  }

  override exec({ case: topic, speeches }: Pick<Shared, "case" | "speeches">, { signal }: Context) {
    return this.#llm.judge(topic, speeches, signal);
  }

  override post(shared: Shared, _: unknown, scores: Scores, { emit }: Context) {
    const { limits, speeches } = shared;
    shared.scores.push(scores);
    emit({ for: speeches.for.at(-1), against: speeches.against.at(-1), scores } as Round);
    if (Math.abs(scores.for - scores.against) >= limits.margin) return "clear lead";
    return shared.scores.length < limits.rounds ? "another round" : "time is up";
  }
}

/** What was said in a round and thought of it, as `ctx.emit` sends it. */
export interface Round {
  readonly for: Speech;
  readonly against: Speech;
  readonly scores: Scores;
}

/** Names the winner. A judge's word is no action: the rules decide what it comes to. */
export class Decide extends Node<Shared> {
  override post(shared: Shared): void {
    const last = shared.scores.at(-1);
    const lead = (last?.for ?? 0) - (last?.against ?? 0);
    shared.winner = lead > 0 ? "for" : lead < 0 ? "against" : "nobody";
  }
}
