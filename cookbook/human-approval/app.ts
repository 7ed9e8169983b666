// The web side: the page, what it shows, and what it may do.
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { z } from "zod";
import { decision, type Paper } from "./desk.js";
import type { Office } from "./office.js";

const CSP =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const topicBody = z.object({ topic: z.string().trim().min(1).max(200) });
const decisionBody = z.object({ round: z.number().int().positive(), decision });

/** Creates the app. */
export function createApp(office: Office, page: string): Hono {
  const { desk } = office;
  const app = new Hono();
  // A form on somebody else's page can post here, too, but not as JSON.
  app.use(async (context, next) => {
    const isJson = context.req.header("content-type")?.startsWith("application/json");
    if (context.req.method === "POST" && !isJson) return context.json({ error: "Send JSON." }, 415);
    return await next();
  });
  app.get("/", (context) => context.html(page, 200, { "content-security-policy": CSP }));
  app.get("/papers", (context) => context.json(desk.papers));

  /** Every paper as it is, and then each change, for as long as the page is open. */
  app.get("/events", (context) =>
    streamSSE(context, async (stream) => {
      const changed = new Map<number, Paper>(desk.papers.map((paper) => [paper.id, paper]));
      let wake = () => {};
      const unwatch = desk.watch((paper) => {
        changed.set(paper.id, paper); // a page that is slow gets the newest, and no queue grows
        wake();
      });
      stream.onAbort(() => wake());
      try {
        while (!stream.aborted) {
          for (const [id, paper] of changed) {
            changed.delete(id);
            await stream.writeSSE({ data: JSON.stringify(paper) });
          }
          if (changed.size > 0 || stream.aborted) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        unwatch();
      }
    }),
  );

  app.post("/papers", async (context) => {
    const body = topicBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return context.json({ error: z.prettifyError(body.error) }, 400);
    return context.json({ id: office.start(body.data.topic) }, 202);
  });

  app.post("/papers/:id/decision", async (context) => {
    const body = decisionBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return context.json({ error: z.prettifyError(body.error) }, 400);
    const { round, decision } = body.data;
    const verdict = await office.decide(Number(context.req.param("id")), round, decision);
    if (verdict === "taken") return context.json({ verdict });
    // Somebody else was first, or the page is old: nothing was decided.
    return context.json({ verdict }, verdict === "no such draft" ? 404 : 409);
  });
  return app;
}
