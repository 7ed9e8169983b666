// Two sides argue in parallel, and a judge scores each round, until one side leads or the rounds are used up.
import { Flow, node, parallel } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import type { Case } from "./case.js";

export type Side = "for" | "against";

const Speech = z.object({ fact: z.int().describe("The number of the fact."), text: z.string().min(1) });
const points = z.number().min(0).max(10);
const Scores = z.object({ for: points, against: points, reason: z.string().describe("One sentence.") });
export type Speech = z.infer<typeof Speech>;
export type Scores = z.infer<typeof Scores>;

export interface Shared {
  readonly case: Case;
  readonly speeches: Readonly<Record<Side, Speech[]>>;
  readonly scores: Scores[];
  /** The largest number of rounds, and the lead in points that ends the debate early. */
  readonly rounds: number;
  readonly margin: number;
  winner?: Side | "neither";
}

const SPEAK =
  "You take part in a debate. Argue for your side in at most two sentences, from one fact that you have not used yet, and " +
  "answer what the other side said last. Claim nothing else.";
const JUDGE =
  "You judge a debate. Give each side 0 to 10 points for how well its facts support it, and for how well it answers the " +
  "other. Your own opinion of the motion does not count.";

const promptOf = (task: string, topic: Case, said: object) =>
  [
    task,
    `Motion: ${topic.motion}`,
    topic.facts.map((fact, at) => `${at + 1}. ${fact}`).join("\n"),
    JSON.stringify(said),
  ].join("\n\n");

/** Each role can have its own model. */
export function createDebateFlow(models: Readonly<Record<Side | "judge", Model>>): Flow<Shared> {
  const speak = (side: Side) =>
    node({
      name: side === "for" ? "SpeakFor" : "SpeakAgainst",
      ...models[side].calls,
      // Both speak in parallel, so each sees only earlier rounds.
      prep: ({ case: topic, speeches, scores }: Shared) => {
        const before = (of: Side) => speeches[of].slice(0, scores.length);
        return { topic, own: before(side), other: before(side === "for" ? "against" : "for") };
      },
      exec: async ({ topic, own, other }, ctx) => {
        const speech = await models[side].json(
          "speech",
          Speech,
          promptOf(SPEAK, topic, { side, own, other }),
          ctx,
        );
        if (topic.facts[speech.fact - 1] === undefined)
          throw new AnswerError(`There is no fact ${speech.fact}`);
        if (own.some(({ fact }) => fact === speech.fact))
          throw new AnswerError(`You used fact ${speech.fact} before`);
        return speech;
      },
      post: ({ speeches }, _before, speech, { emit }) => {
        speeches[side].push(speech);
        void emit(`${side.padEnd(8)} ${speech.text} (fact ${speech.fact})`);
      },
    });

  const judge = node({
    name: "Judge",
    ...models.judge.calls,
    prep: ({ case: topic, speeches }: Shared) => promptOf(JUDGE, topic, speeches),
    exec: (prompt, ctx) => models.judge.json("scores", Scores, prompt, ctx),
    post: (shared, _prompt, scores, { emit }) => {
      shared.scores.push(scores);
      void emit(`judge    ${scores.for} : ${scores.against}. ${scores.reason}\n`);
      const lead = scores.for - scores.against;
      shared.winner = lead > 0 ? "for" : lead < 0 ? "against" : "neither";
      if (Math.abs(lead) >= shared.margin) return "clear lead";
      return shared.scores.length < shared.rounds ? "another round" : "time is up";
    },
  });

  const round = parallel<Shared>([speak("for"), speak("against")], { name: "Round" });
  round.next(judge);
  judge.branch({ "another round": round, "clear lead": null, "time is up": null });
  return new Flow(round, { name: "Debate" });
}
