// Two agents that run at the same time and exchange messages through mailboxes: a game of taboo.
import { Flow, node, parallel } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import { Mailbox } from "./mailbox.js";

export interface Card {
  readonly word: string;
  /** Words that a hint must not use, besides the word itself. */
  readonly taboo: readonly string[];
}

interface Notes {
  readonly hints: string[];
  readonly guesses: string[];
}

/** Each agent has a part of the store: its notes and its mailbox. Only the hinter has the card. */
export interface Shared {
  readonly hinter: Notes & { readonly card: Card; readonly inbox: Mailbox<string> };
  /** `undefined` in its mailbox ends the game. */
  readonly guesser: Notes & { readonly inbox: Mailbox<string | undefined> };
  /** The largest number of hints. */
  readonly most: number;
  isGuessed: boolean;
}

export const createShared = (card: Card, most: number): Shared => ({
  hinter: { card, inbox: new Mailbox(), hints: [], guesses: [] },
  guesser: { inbox: new Mailbox(), hints: [], guesses: [] },
  most,
  isGuessed: false,
});

const HINT =
  "You play taboo. Give one short hint from which another player can guess the word. Say neither the word nor a taboo " +
  "word, also not as a part of another word. Build on the hints so far and on the wrong guesses.";
const GUESS =
  "You play taboo. Guess the word from all hints. Do not repeat a wrong guess. Answer with one word.";

const Hint = z.object({ hint: z.string().min(1).max(200) });
const Guess = z.object({ guess: z.string().min(1).max(50) });

const promptOf = (task: string, notes: object) => `${task}\n\n${JSON.stringify(notes)}`;
const bare = (text: string) => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

/** Gives hints and waits for guesses. */
function createHinter(model: Model): Flow<Shared> {
  const giveHint = node({
    name: "GiveHint",
    ...model.calls,
    prep: ({ hinter: { card, hints, guesses } }: Shared) => ({
      card,
      hints: [...hints],
      guesses: [...guesses],
    }),
    exec: async ({ card, hints, guesses }, ctx) => {
      const { hint } = await model.json("hint", Hint, promptOf(HINT, { ...card, hints, guesses }), ctx);
      // Code enforces the rule. A hint that breaks it fails the attempt, and the next prompt says why.
      const broken = [card.word, ...card.taboo].filter((word) => bare(hint).includes(bare(word)));
      if (broken.length > 0) throw new AnswerError(`It says ${broken.join(", ")}, which is taboo.`);
      return hint;
    },
    post: ({ hinter, guesser }, _notes, hint, { emit }) => {
      hinter.hints.push(hint);
      guesser.inbox.send(hint);
      void emit(`hinter   ${hint}`);
    },
  });
  const judge = node({
    name: "Judge",
    prep: ({ hinter }: Shared) => hinter.inbox,
    exec: (inbox, { signal }) => inbox.receive(signal),
    post: (shared, _inbox, guess) => {
      const { card, hints, guesses } = shared.hinter;
      guesses.push(guess);
      shared.isGuessed = bare(guess) === bare(card.word);
      if (!shared.isGuessed && hints.length < shared.most) return "wrong";
      shared.guesser.inbox.send(undefined);
      return shared.isGuessed ? "right" : "out of hints";
    },
  });
  giveHint.next(judge);
  judge.branch({ wrong: giveHint, right: null, "out of hints": null });
  return new Flow(giveHint, { name: "Hinter" });
}

/** Waits for hints and guesses from them. It never sees the card. */
function createGuesser(model: Model): Flow<Shared> {
  const listen = node({
    name: "Listen",
    prep: ({ guesser }: Shared) => guesser.inbox,
    exec: (inbox, { signal }) => inbox.receive(signal),
    post: ({ guesser }, _inbox, hint) => {
      if (hint === undefined) return "game over";
      guesser.hints.push(hint);
      return "hint";
    },
  });
  const guess = node({
    name: "Guess",
    ...model.calls,
    prep: ({ guesser: { hints, guesses } }: Shared) => promptOf(GUESS, { hints, guesses }),
    exec: (prompt, ctx) => model.json("guess", Guess, prompt, ctx),
    post: ({ hinter, guesser }, _prompt, { guess }, { emit }) => {
      guesser.guesses.push(guess);
      hinter.inbox.send(guess);
      void emit(`guesser  ${guess}`);
    },
  });
  listen.branch({ hint: guess, "game over": null });
  guess.next(listen);
  return new Flow(listen, { name: "Guesser" });
}

/** If one agent fails, `parallel` aborts the other, which would wait without end. */
export function createGameFlow(hinter: Model, guesser: Model): Flow<Shared> {
  const players = parallel([createHinter(hinter), createGuesser(guesser)], { name: "Players" });
  return new Flow(players, { name: "Game" });
}
