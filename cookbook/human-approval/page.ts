// The page on which a person decides. Any process may serve it; the answers are in the journal.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { serve } from "@hono/node-server";
import type { Flow } from "sluice";
import type { Journal } from "sluice/journal";
import { createHandler } from "sluice/serve";
import { type Shared, Start } from "./human-approval.js";

const CSP =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `createHandler` starts runs, takes answers and resumes runs; only the page and the list of questions are added. */
export async function createPage(flow: Flow<Shared>, journal: Journal, drain?: AbortSignal) {
  const html = await readFile(new URL("page.html", import.meta.url), "utf8");
  const handler = createHandler(flow, {
    input: Start,
    toShared: ({ topic }) => ({ topic, rejected: [] }),
    output: ["path"],
    journal,
    runs: { authorize: () => true }, // a page for this machine; otherwise, check the caller
    drain,
  });
  return async (request: Request): Promise<Response> => {
    const path = request.method === "GET" ? new URL(request.url).pathname : "";
    const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": CSP };
    if (path === "/") return new Response(html, { headers });
    return path === "/questions" ? Response.json(await journal.questions()) : handler(request);
  };
}

/** Serves a page on this machine until the signal aborts. */
export async function servePage(
  fetch: (request: Request) => Promise<Response>,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const server = serve({ fetch, hostname: "127.0.0.1", port });
  const stopped = once(signal, "abort");
  await Promise.race([stopped, once(server, "close")]); // rejects if the port is taken
  await new Promise((resolve) => server.close(resolve));
}
