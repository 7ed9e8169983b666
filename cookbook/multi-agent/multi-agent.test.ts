import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { Mailbox } from "./mailbox.js";
import { createGameFlow, createShared } from "./multi-agent.js";

/** A model that gives these answers, one after the other, and keeps what it was asked. */
function player(...answers: (object | Error)[]) {
  const prompts: string[] = [];
  const errors: unknown[] = [];
  const json = async (_name: string, _schema: unknown, prompt: unknown, ctx: { lastError?: unknown }) => {
    prompts.push(String(prompt));
    errors.push(ctx.lastError);
    const answer = answers.shift() ?? new Error("asked too often");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { prompts, errors, model: { json, calls: { attempts: 2 } } as unknown as Model };
}
const card = { word: "snowman", taboo: ["winter"] };

test("hints and guesses go to and fro until the word is guessed, and both agents end", async () => {
  const hinter = player({ hint: "It is cold." }, { hint: "It melts." });
  const guesser = player({ guess: "penguin" }, { guess: "Snow man." });
  const shared = createShared(card, 5);
  await createGameFlow(hinter.model, guesser.model).run(shared);
  expect(shared).toMatchObject({ isGuessed: true, guesser: { hints: ["It is cold.", "It melts."] } });
  expect(hinter.prompts[1]).toContain("penguin");
  expect(guesser.prompts.join()).not.toMatch(/snowman|winter/);
});

test("a hint that breaks the rule never reaches the guesser, and the next attempt gets the reason", async () => {
  const hinter = player({ hint: "It stands in Winter-time." }, { hint: "It is cold." });
  const guesser = player({ guess: "snowman" });
  const shared = createShared(card, 5);
  await createGameFlow(hinter.model, guesser.model).run(shared);
  expect(shared.guesser.hints).toEqual(["It is cold."]);
  expect(String(hinter.errors[1])).toContain("It says winter, which is taboo.");
});

test("after the last hint the game is over", async () => {
  const shared = createShared(card, 1);
  await createGameFlow(player({ hint: "cold" }).model, player({ guess: "ice" }).model).run(shared);
  expect(shared).toMatchObject({ isGuessed: false, hinter: { guesses: ["ice"] } });
});

test("if one agent fails, the other does not wait without end", async () => {
  const shared = createShared(card, 5);
  const broken = player(new Error("500"), new Error("500"));
  await expect(createGameFlow(player({ hint: "cold" }).model, broken.model).run(shared)).rejects.toThrow(
    "500",
  );
});

test("messages wait in order, and a receiver that is aborted stops waiting", async () => {
  const box = new Mailbox<number>();
  const stop = new AbortController();
  const first = box.receive(stop.signal);
  box.send(1);
  box.send(2);
  expect([await first, await box.receive(stop.signal)]).toEqual([1, 2]);
  const waiting = box.receive(stop.signal);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});
