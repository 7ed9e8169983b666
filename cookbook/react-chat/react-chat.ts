// A chat in React: useChat of the AI SDK on the page, and on the server a flow that streams an answer and suggests
// further questions.
import { Flow, node } from "sluice";
import { createHandler, Refusal } from "sluice/serve";
import { z } from "zod";
import { AnswerError, DeniedError, type Message, type Model } from "../lib/model.js";

type Sent = { readonly parts: readonly { readonly type: string; readonly text?: string | undefined }[] };
const textOf = ({ parts }: Sent = { parts: [] }): string =>
  parts.flatMap(({ type, text }) => (type === "text" ? (text ?? "") : [])).join("\n");

/** The request of useChat. Parts other than text, such as the status, are only for the page. */
const Talk = z.object({
  messages: z
    .array(
      z.object({
        role: z.enum(["user", "assistant"]),
        parts: z.array(z.looseObject({ type: z.string(), text: z.string().max(50_000).optional() })).max(100),
        metadata: z.unknown().optional(),
      }),
    )
    .max(500)
    .refine((messages) => textOf(messages.at(-1)) !== "", "Expected the last message to have a text"),
});

const Questions = z.strictObject({
  questions: z
    .array(z.string())
    .max(3)
    .describe("Questions that the visitor may want to ask next, each in at most eight words."),
});

export interface Shared {
  readonly messages: readonly Message[];
  answer?: string;
  questions?: readonly string[];
}

const INSTRUCTIONS = "You talk with a visitor of a web page. Answer briefly, in plain text without markup.";
const SUGGEST =
  "Suggest up to three questions that the visitor may want to ask next. Omit questions that are already answered.";
/** The number of messages that the model gets. */
const MEMORY = 20;

/** The texts of a conversation. An answer that failed or was stopped has no metadata, and is omitted. */
function toShared({ messages }: z.infer<typeof Talk>): Shared {
  const said = messages.filter(({ role, metadata }) => role === "user" || metadata !== undefined);
  return {
    messages: said.slice(-MEMORY).map((message) => ({ role: message.role, content: textOf(message) })),
  };
}

export function createChatFlow(model: Model): Flow<Shared> {
  const answer = node({
    name: "Answer",
    ...model.calls,
    attempts: 1, // what was shown cannot be taken back
    prep: ({ messages }: Shared): Message[] => [{ role: "system", content: INSTRUCTIONS }, ...messages],
    exec: async (messages, ctx) => {
      let text = "";
      await ctx.emit({ status: "Answering" });
      for await (const piece of model.stream(messages, ctx)) {
        text += piece;
        await ctx.emit(piece); // waits for a slow reader
      }
      return text;
    },
    // A visitor may see that the model refuses or that the answer is cut off, but nothing about the account.
    execFallback: (_messages, error) => {
      const isTold = error instanceof AnswerError && !(error instanceof DeniedError);
      throw isTold ? new Refusal(422, error.message, { cause: error }) : error;
    },
    post: (shared, _messages, text) => {
      shared.answer = text;
    },
  });

  const suggest = node({
    name: "Suggest",
    ...model.calls,
    prep: ({ messages, answer = "" }: Shared): Message[] => [
      ...messages,
      { role: "assistant", content: answer },
      { role: "user", content: SUGGEST },
    ],
    exec: async (messages, ctx) => {
      await ctx.emit({ status: "Thinking of what to ask next" });
      return (await model.json("questions", Questions, messages, ctx)).questions;
    },
    execFallback: (_messages, error) => {
      if (error instanceof DeniedError) throw error;
      return []; // the answer is complete without them
    },
    post: (shared, _messages, questions) => {
      shared.questions = questions;
    },
  });

  answer.next(suggest);
  return new Flow(answer, { name: "Chat" });
}

/** Wrap it in `uiMessages`. Its output becomes the metadata of the message. */
export const createChat = (flow: Flow<Shared>, onError: (error: unknown) => void) =>
  createHandler(flow, { input: Talk, toShared, output: ["questions"], onError });
