// A chat on a web page: one flow object serves all rooms in parallel and streams the answers.
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { Flow, node } from "sluice";
import { createHandler, Refusal } from "sluice/serve";
import { z } from "zod";
import { AnswerError, DeniedError, type Message, type Model } from "../lib/model.js";

const Talk = z.object({
  messages: z
    .array(z.object({ role: z.enum(["user", "assistant"]), content: z.string().min(1).max(100_000) }))
    .min(1)
    .max(500),
});

/** The store of one request. Rooms are in the page: the server keeps nothing between requests. */
export interface Shared extends z.infer<typeof Talk> {
  answer?: string;
}

const INSTRUCTIONS = "You talk with a visitor of a web page. Answer briefly, in plain text without markup.";
/** The number of letters of a conversation that the model gets: about 6,000 tokens. */
const MEMORY = 24_000;

/** The newest messages that fit, and always the last one. */
function newest(messages: Shared["messages"]): Message[] {
  let from = messages.length - 1;
  let left = MEMORY - (messages[from]?.content.length ?? 0);
  while (from > 0 && (left -= messages[from - 1]?.content.length ?? 0) >= 0) from--;
  return messages.slice(from);
}

export function createChatFlow(model: Model): Flow<Shared> {
  const answer = node({
    name: "Answer",
    ...model.calls,
    attempts: 1, // shown text cannot be taken back
    prep: ({ messages }: Shared): Message[] => [
      { role: "system", content: INSTRUCTIONS },
      ...newest(messages),
    ],
    exec: async (messages, ctx) => {
      let text = "";
      for await (const piece of model.stream(messages, ctx)) {
        text += piece;
        await ctx.emit(piece); // waits for a slow reader
      }
      return text;
    },
    // A user may see that the model refuses or that the answer is cut off, but nothing about the account.
    execFallback: (_messages, error) => {
      const isTold = error instanceof AnswerError && !(error instanceof DeniedError);
      throw isTold ? new Refusal(422, error.message, { cause: error }) : error;
    },
    post: (shared, _messages, text) => {
      shared.answer = text;
    },
  });
  return new Flow(answer, { name: "Chat" });
}

const CSP =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page, and the flow at /chat. Close `chat` before the server. */
export async function createApp(flow: Flow<Shared>, onError: (error: unknown) => void) {
  const page = await readFile(new URL("page.html", import.meta.url), "utf8");
  const chat = createHandler(flow, { input: Talk, output: ["answer"], onError });
  const app = new Hono();
  app.get("/", (context) => context.html(page, 200, { "content-security-policy": CSP }));
  app.all("/chat", (context) => chat(context.req.raw));
  return { fetch: app.fetch, chat };
}
