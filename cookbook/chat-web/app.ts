// The web side: the page, and the flow behind /chat.
import { Hono } from "hono";
import type { Flow } from "sluice";
import { createHandler, type Handler } from "sluice/serve";
import { z } from "zod";
import type { Shared } from "./nodes.js";

const input = z.object({
  messages: z
    .array(z.object({ role: z.enum(["user", "assistant"]), content: z.string().min(1).max(100_000) }))
    .min(1)
    .max(500),
});

const CSP =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Creates the app. `chat` is the handler behind it, to be closed before the server. */
export function createApp(
  flow: Flow<Shared>,
  page: string,
  onError: (error: unknown) => void,
): { readonly app: Hono; readonly chat: Handler } {
  const chat = createHandler(flow, { input, output: ({ answer }) => ({ answer }), onError });
  const app = new Hono();
  app.get("/", (context) => context.html(page, 200, { "content-security-policy": CSP }));
  app.all("/chat", (context) => chat(context.req.raw));
  return { app, chat };
}
