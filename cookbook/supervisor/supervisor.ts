// A worker answers letters, and its drafts are checked and sent back. After a number of drafts a person is called.
import { Flow, node } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import type { Case } from "./sample.js";

export interface Shared extends Case {
  /** The records that the worker has looked up. */
  readonly read: string[];
  next?: string;
  draft?: string;
  objections: readonly string[];
  rejected: number;
}

const Plan = z.object({
  action: z.enum(["look up", "write"]),
  record: z.string().describe("The name of the record to look up; empty for writing."),
});
const Reply = z.object({ reply: z.string().min(1) });
const Verdict = z.object({
  objections: z.array(z.string()).describe("What must be changed, and by which record; empty if nothing."),
});

const PLAN =
  "You answer letters to a shop. Decide whether to look up one of the unread records or to write the reply. The reply may " +
  "say nothing that is not in a record that you have read. If a reply was sent back, consider the objections.";
const WRITE =
  "Write the reply to this letter in at most 120 words of plain text. Answer each of its questions from the records and " +
  "from nothing else. If a reply was sent back, correct what the objections name.";
const SUPERVISE =
  "Check this reply before it is sent. Object if a question of the letter is not answered, if something differs from the " +
  "records, or if the tone is wrong. Name the record that helps.";

const deskOf = ({ letter, records, read, draft, objections }: Shared) => ({
  letter,
  read: Object.fromEntries(read.map((name) => [name, records[name]])),
  unread: Object.keys(records).filter((name) => !read.includes(name)),
  draft,
  objections,
});
const promptOf = (task: string, desk: object) => `${task}\n\n${JSON.stringify(desk)}`;
const numbersOf = (text: string) => text.match(/\d+(?:[.,]\d+)*/g) ?? [];

/** The worker is an agent. */
function createWorker(model: Model): Flow<Shared> {
  const decide = node({
    name: "Decide",
    ...model.calls,
    prep: deskOf,
    exec: async (desk, ctx) => {
      if (desk.unread.length === 0) return { action: "write" as const, record: "" };
      const plan = await model.json("plan", Plan, promptOf(PLAN, desk), ctx);
      if (plan.action === "write" || desk.unread.includes(plan.record)) return plan;
      throw new AnswerError(`Expected one of ${desk.unread.join(", ")}, got "${plan.record}"`);
    },
    post: (shared, _desk, { action, record }) => {
      shared.next = record;
      return action;
    },
  });
  const lookUp = node({
    name: "LookUp",
    post: ({ read, next = "" }: Shared, _none, _done, { emit }) => {
      read.push(next);
      void emit(`looked up: ${next}`);
    },
  });
  const write = node({
    name: "Write",
    ...model.calls,
    prep: deskOf,
    exec: (desk, ctx) => model.json("reply", Reply, promptOf(WRITE, desk), ctx),
    post: (shared, _desk, { reply }, { emit }) => {
      shared.draft = reply;
      void emit(`draft:     ${reply}`);
      return "drafted" as const;
    },
  });
  decide.branch({ "look up": lookUp, write });
  lookUp.next(decide);
  write.end("drafted");
  return new Flow(decide, { name: "Worker" });
}

/** @param drafts - How many drafts may be rejected before a person is called. */
export function createSupervisorFlow(model: Model, drafts = 4): Flow<Shared> {
  const judged = (shared: Shared, objections: readonly string[], emit: (text: string) => unknown) => {
    shared.objections = objections;
    if (objections.length === 0) return "approved";
    void emit(`sent back: ${objections.join(" ")}`);
    return ++shared.rejected < drafts ? "send it back" : "call a person";
  };
  // Code checks first: numbers must be in a record.
  const check = node({
    name: "Check",
    post: (shared: Shared, _none, _done, { emit }) => {
      const founded = new Set(numbersOf([shared.letter, ...Object.values(shared.records)].join(" ")));
      const invented = [...new Set(numbersOf(shared.draft ?? ""))].filter((number) => !founded.has(number));
      return judged(
        shared,
        invented.map((number) => `No record says ${number}.`),
        emit,
      );
    },
  });
  const supervise = node({
    name: "Supervise",
    ...model.calls,
    prep: ({ letter, records, draft }: Shared) => promptOf(SUPERVISE, { letter, records, draft }),
    exec: (prompt, ctx) => model.json("verdict", Verdict, prompt, ctx),
    post: (shared, _prompt, { objections }, { emit }) => judged(shared, objections, emit),
  });
  const worker = createWorker(model);
  worker.on("drafted", check);
  check.branch({ approved: supervise, "send it back": worker, "call a person": null });
  supervise.branch({ approved: null, "send it back": worker, "call a person": null });
  return new Flow(worker, { name: "Supervisor" });
}
