// A model drafts announcements, and a person approves, rejects or edits each one, even days later in another process.
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, Flow, node, type RunOptions } from "sluice";
import { type Journal, SuspendedError } from "sluice/journal";
import { z } from "zod";
import type { Message, Model } from "../lib/model.js";

interface Rejected {
  readonly text: string;
  readonly feedback: string;
}

/** One run for each topic. Plain data, since the journal keeps it. */
export interface Shared {
  readonly topic: string;
  readonly rejected: Rejected[];
  text?: string;
  /** The file that was published. */
  path?: string;
}

export const Start = z.object({ topic: z.string().trim().min(1).max(200) });

const filled = z.string().trim().min(1).max(10_000);
/** The answer of a person, on the page or by a command. */
export const Decision = z.discriminatedUnion("verdict", [
  z.object({ verdict: z.literal("approve") }),
  z.object({ verdict: z.literal("reject"), feedback: filled }),
  z.object({ verdict: z.literal("edit"), text: filled }),
]);

/** The question to a person. */
export interface Question {
  readonly topic: string;
  readonly text: string;
  readonly rejected: readonly Rejected[];
}

const INSTRUCTIONS =
  "You write announcements for a small business, in two to four sentences of plain text. When a draft is rejected, write " +
  "a new one that follows the feedback. Answer with the announcement alone.";

/** @param folder - Where announcements are published. */
export function createApprovalFlow(model: Model, folder: string): Flow<Shared> {
  // The paid call is in its own node, because the node that asks runs again from its start after the answer.
  const draft = node({
    name: "Draft",
    ...model.calls,
    prep: ({ topic, rejected }: Shared): Message[] => [
      { role: "system", content: INSTRUCTIONS },
      { role: "user", content: topic },
      ...rejected.flatMap(({ text, feedback }): Message[] => [
        { role: "assistant", content: text },
        { role: "user", content: feedback },
      ]),
    ],
    exec: (messages, ctx) => model.chat(messages, ctx),
    post: (shared, _messages, text) => {
      shared.text = text;
    },
  });

  // No timeout: an answer may take days. An invalid answer opens the question again.
  const review = node({
    name: "Review",
    prep: ({ topic, text = "", rejected }: Shared): Question => ({ topic, text, rejected: [...rejected] }),
    exec: (question, { ask }) => ask(question, { schema: Decision }),
    post: (shared, { text }, decision) => {
      if (decision.verdict === "approve") return "approved";
      if (decision.verdict === "reject") {
        shared.rejected.push({ text, feedback: decision.feedback });
        return "rejected";
      }
      shared.text = decision.text;
      return "edited";
    },
  });

  // Only approved texts get here.
  const publish = node({
    name: "Publish",
    prep: ({ topic, text = "" }: Shared, { runId }: Context) => {
      const name = topic.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-");
      return { path: join(folder, `${name.slice(0, 40)}-${runId.slice(-6)}.md`), text };
    },
    exec: async ({ path, text }) => {
      await mkdir(folder, { recursive: true });
      await writeFile(path, `${text}\n`);
    },
    post: (shared, { path }, _written, { emit }) => {
      shared.path = path;
      void emit(`Published ${path}`);
    },
  });

  draft.next(review);
  review.branch({ approved: publish, edited: publish, rejected: draft });
  return new Flow(draft, { name: "Approval" });
}

/** The ids of the runs that can go on. */
export async function unfinished(journal: Journal): Promise<string[]> {
  const runs = await journal.runs({ limit: Number.POSITIVE_INFINITY });
  return runs.filter(({ state }) => state !== "done" && state !== "cancelled").map(({ id }) => id);
}

/** Starts a run for each topic and resumes others, until each is done or waits for a person. @returns Failures. */
export async function goOn(
  flow: Flow<Shared>,
  journal: Journal,
  topics: readonly string[],
  ids: readonly string[],
  run: RunOptions = {},
): Promise<unknown[]> {
  const fresh = topics.map((topic) =>
    flow.run({ topic, rejected: [] }, { ...run, journal, runId: randomUUID() }),
  );
  const earlier = ids.map((runId) => flow.run({} as Shared, { ...run, journal, runId }));
  const ends = await Promise.allSettled([...fresh, ...earlier]);
  const errors = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  return errors.filter((error) => !(error instanceof SuspendedError));
}

/** The open questions, with the commands that answer them. */
export async function waitingIn(journal: Journal, file: string): Promise<string[]> {
  return (await journal.questions()).map(({ token, question }) => {
    const { topic, text, rejected } = question as Question;
    return `\n${topic}, draft ${rejected.length + 1}:\n${text}\n$ npx sluice runs answer ${token} '{"verdict":"approve"}' --journal ${file}`;
  });
}
