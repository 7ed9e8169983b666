// A service for a process of its own: one flow behind HTTP, which picks a subject line out of the text itself.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { type Context, Flow, node } from "sluice";
import { createHandler } from "sluice/serve";
import { z } from "zod";
import { keywordsOf, wordsOf } from "./keywords.js";

/** A piece of the text that could be its subject. */
export interface Candidate {
  readonly subject: string;
  readonly score: number;
}

/** Starts the service on a free loopback port. @param thinking Milliseconds, in place of a large model. */
export async function startService(thinking = 350): Promise<{ url: string; close: () => Promise<void> }> {
  const extract = node({
    name: "Extract",
    prep: (shared: { text: string; subject?: string }) => shared.text,
    exec: (text, ctx) => bestOf(text, thinking, ctx),
    post: (shared, _text, { subject }) => {
      shared.subject = subject;
    },
  });
  const handler = createHandler(new Flow(extract, { name: "Extractor" }), {
    input: z.object({ text: z.string().min(1) }),
    output: ({ subject }) => ({ subject }),
    limits: { running: 8, waiting: 100 },
  });
  const server = serve({ fetch: handler, hostname: "127.0.0.1", port: 0 });
  if (!server.listening) await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The service has no port");
  const close = async () => {
    await handler.close({ deadline: 1_000 });
    server.close();
  };
  return { url: `http://127.0.0.1:${address.port}/`, close };
}

/** Looks at every clause, and tells of each while it goes on. */
async function bestOf(text: string, thinking: number, { emit, signal }: Context): Promise<Candidate> {
  const keywords = keywordsOf(text, 8);
  const clauses = text.split(/[.;:,!?]\s*|\s+(?:and|but|so)\s+/).filter((clause) => clause.trim() !== "");
  let best: Candidate = { subject: text.slice(0, 60), score: 0 };
  for (const clause of clauses) {
    await sleep(thinking / clauses.length, undefined, { signal });
    const words = new Set(wordsOf(clause));
    const told = keywords.filter((word) => words.has(word)).length;
    const candidate = { subject: clause.trim().slice(0, 80), score: told / (3 + words.size / 4) };
    await emit(candidate);
    if (candidate.score > best.score) best = candidate;
  }
  return best;
}

// Forked: says where it listens, and ends with its parent.
if (process.send !== undefined && process.argv[2] === "--forked") {
  const { url, close } = await startService();
  process.send({ url });
  process.once("disconnect", () => void close());
  // Ctrl-C in a terminal reaches both processes; the parent decides when this one ends.
  process.on("SIGINT", () => {});
}
