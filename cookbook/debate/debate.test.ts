import { expect, test } from "vitest";
import { AnswerError, type Model } from "../lib/model.js";
import { createDebateFlow, type Scores, type Shared, type Speech } from "./debate.js";

const speaker = (speeches: Speech[], errors: unknown[] = []) =>
  ({
    calls: { attempts: 2 },
    json: async (_name: string, _schema: unknown, _prompt: string, ctx: { lastError?: unknown }) => {
      if (ctx.lastError) errors.push(ctx.lastError);
      return speeches.shift();
    },
  }) as unknown as Model;
const fact = (number: number): Speech => ({ fact: number, text: `about ${number}` });

async function debate(scores: [number, number][], own = [fact(1), fact(2), fact(3)], errors: unknown[] = []) {
  const judge = {
    json: async () => {
      const [one = 0, other = 0] = scores.shift() ?? [];
      return { for: one, against: other, reason: "" } satisfies Scores;
    },
  } as unknown as Model;
  const shared: Shared = {
    case: { motion: "?", facts: ["a", "b", "c"] },
    speeches: { for: [], against: [] },
    scores: [],
    rounds: 3,
    margin: 4,
  };
  const models = { for: speaker(own, errors), against: speaker([fact(3), fact(2), fact(1)]), judge };
  return { ending: await createDebateFlow(models).run(shared), ...shared };
}

test("a clear lead ends the debate, else time does", async () => {
  expect(
    await debate([
      [5, 5],
      [8, 3],
    ]),
  ).toMatchObject({ ending: "clear lead", winner: "for", scores: [{}, {}] });
  expect(
    await debate([
      [5, 5],
      [5, 6],
      [4, 4],
    ]),
  ).toMatchObject({ ending: "time is up", winner: "neither" });
});

test("an unknown fact and a used fact are not accepted, and the model gets the reason", async () => {
  const errors: unknown[] = [];
  const { speeches } = await debate(
    [
      [5, 5],
      [9, 0],
    ],
    [fact(9), fact(1), fact(1), fact(2)],
    errors,
  );
  expect(errors).toEqual([new AnswerError("There is no fact 9"), new AnswerError("You used fact 1 before")]);
  expect(speeches.for.map((speech) => speech.fact)).toEqual([1, 2]);
});
