// What the two players do. Each knows its own notes and what came by mail; only the hinter has seen the card.
import { type Context, Node } from "sluice";
import type { Llm } from "./llm.js";
import { Mailbox } from "./mailbox.js";
import { type Card, isSameWord, spoken } from "./rules.js";

/** What a player remembers. */
export interface Notes {
  readonly hints: string[];
  readonly guesses: string[];
}

/** The table at which a game is played. */
export interface Shared {
  readonly hinter: Notes & { readonly card: Card; readonly inbox: Mailbox<string> };
  readonly guesser: Notes & { readonly inbox: Mailbox<string> };
  /** The most hints of this game. */
  readonly most: number;
  outcome?: "guessed" | "given up";
}

/** Sets a table for one game. */
export const createShared = (card: Card, most: number): Shared => ({
  hinter: { card, inbox: new Mailbox(), hints: [], guesses: [] },
  guesser: { inbox: new Mailbox(), hints: [], guesses: [] },
  most,
});

/** What a player said, as `ctx.emit` sends it to who watches. */
export interface Said {
  readonly by: "hinter" | "guesser";
  readonly text: string;
}

/** Gives a hint. One that breaks the rules never leaves the node: it is a failed attempt. */
export class GiveHint extends Node<Shared, Shared["hinter"], string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, timeout: 30_000 });
    this.#llm = llm;
  }

  override prep({ hinter }: Shared): Shared["hinter"] {
    return hinter;
  }

  override async exec({ card, hints, guesses }: Shared["hinter"], { signal }: Context): Promise<string> {
    const hint = await this.#llm.hint(card, { hints, guesses }, signal);
    const broken = spoken(hint, card);
    if (broken.length > 0) throw new Error(`The hinter said "${broken.join('" and "')}", which is taboo.`);
    return hint;
  }

  override post({ hinter, guesser }: Shared, _: unknown, hint: string, { emit }: Context): void {
    hinter.hints.push(hint);
    guesser.inbox.send(hint);
    emit({ by: "hinter", text: hint } satisfies Said);
  }
}

/** Waits for a guess and compares it with the card. */
export class JudgeGuess extends Node<Shared, Mailbox<string>, string | undefined> {
  constructor() {
    super({ timeout: 120_000 });
  }

  override prep({ hinter }: Shared): Mailbox<string> {
    return hinter.inbox;
  }

  override exec(inbox: Mailbox<string>, { signal }: Context): Promise<string | undefined> {
    return inbox.receive(signal);
  }

  override post(shared: Shared, _: unknown, guess = ""): "wrong" | "right" | "out of hints" {
    const { hinter, guesser, most } = shared;
    hinter.guesses.push(guess);
    const right = isSameWord(guess, hinter.card.word);
    if (!right && hinter.hints.length < most) return "wrong";
    guesser.inbox.close();
    shared.outcome = right ? "guessed" : "given up";
    return right ? "right" : "out of hints";
  }
}

/** Waits for a hint, or for the end of the game. */
export class Listen extends Node<Shared, Mailbox<string>, string | undefined> {
  constructor() {
    super({ timeout: 120_000 });
  }

  override prep({ guesser }: Shared): Mailbox<string> {
    return guesser.inbox;
  }

  override exec(inbox: Mailbox<string>, { signal }: Context): Promise<string | undefined> {
    return inbox.receive(signal);
  }

  override post({ guesser }: Shared, _: unknown, hint: string | undefined): "heard a hint" | "game over" {
    if (hint === undefined) return "game over";
    guesser.hints.push(hint);
    return "heard a hint";
  }
}

/** Guesses from the hints alone. */
export class Guess extends Node<Shared, Notes, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 500, timeout: 30_000 });
    this.#llm = llm;
  }

  override prep({ guesser: { hints, guesses } }: Shared): Notes {
    return { hints, guesses };
  }

  override exec(notes: Notes, { signal }: Context): Promise<string> {
    return this.#llm.guess(notes, signal);
  }

  override post({ guesser, hinter }: Shared, _: unknown, guess: string, { emit }: Context): void {
    guesser.guesses.push(guess);
    hinter.inbox.send(guess);
    emit({ by: "guesser", text: guess } satisfies Said);
  }
}
