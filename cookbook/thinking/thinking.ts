// Reasons one step at a time along a plan in the store; code checks the answer.
import { Flow, node } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import { objectionTo, type Puzzle, puzzleText } from "./puzzle.js";

const Step = z.object({ step: z.string(), status: z.enum(["open", "done", "dropped"]), result: z.string() });
const Thought = z.object({
  thinking: z.string(),
  plan: z.array(Step),
  answer: z
    .array(z.string())
    .nullable()
    .describe("The moves, when they are known; empty if it cannot be done; else null."),
});
type Thought = z.infer<typeof Thought>;

export interface Shared {
  readonly puzzle: Puzzle;
  /** The largest number of thoughts, those about a wrong answer included. */
  readonly most: number;
  thoughts: number;
  /** The memory: a thought gets the plan, not all earlier thoughts. */
  plan: Thought["plan"];
  answer?: readonly string[];
  objection?: string | undefined;
}

const INSTRUCTIONS = `You solve a puzzle one thought at a time. Without a plan, make one of a few steps. With a plan, do its
first open step, write down the result, and mark it done. Keep steps that are done as they are. If a result changes what
needs to be done, revise the plan: add steps, or mark steps dropped and say why. When you know the answer, give its moves,
each "fill A", "empty A" or "pour A B".`;

export function createThinkingFlow(model: Model): Flow<Shared> {
  const think = node({
    name: "Think",
    ...model.calls,
    prep: ({ puzzle, plan, objection = "" }: Shared) => ({
      plan,
      prompt: [INSTRUCTIONS, puzzleText(puzzle), JSON.stringify(plan), objection]
        .filter(Boolean)
        .join("\n\n"),
    }),
    exec: async ({ plan, prompt }, ctx) => {
      const thought = await model.json("thought", Thought, prompt, ctx);
      const kept = new Set(thought.plan.map(({ step, status }) => status === "done" && step));
      const lost = plan.find(({ step, status }) => status === "done" && !kept.has(step));
      if (lost !== undefined) throw new AnswerError(`The new plan lacks a done step: "${lost.step}"`);
      if (thought.answer !== null || thought.plan.some(({ status }) => status === "open")) return thought;
      throw new AnswerError("The plan has no open step, and there is no answer");
    },
    post: (shared, _before, { thinking, plan, answer }, { emit }) => {
      shared.thoughts++;
      shared.plan = plan;
      shared.objection = undefined;
      void emit(
        `\n${shared.thoughts}. ${thinking}\n${plan.map((each) => `   ${each.status}: ${each.step} ${each.result}`).join("\n")}`,
      );
      if (answer === null) return shared.thoughts < shared.most ? "think on" : "out of thoughts";
      shared.answer = answer;
      return "conclude";
    },
  });

  const check = node({
    name: "Check",
    requires: ["answer"],
    prep: ({ answer = [], puzzle }: Shared) => ({ answer, puzzle }),
    exec: ({ answer, puzzle }) => objectionTo(answer, puzzle),
    post: (shared, _before, objection) => {
      if (objection === undefined) return "right";
      shared.objection = `Your answer is wrong. ${objection}`;
      delete shared.answer;
      return shared.thoughts < shared.most ? "wrong" : "out of thoughts";
    },
  });

  think.branch({ "think on": think, conclude: check, "out of thoughts": null });
  check.branch({ wrong: think, right: null, "out of thoughts": null });
  return new Flow(think, { name: "Thinking" });
}
