// The API of GitHub: verifies a delivery, reads the changes of a pull request, posts a review.
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { serve } from "@hono/node-server";

/** A delivery of the event `pull_request`, as far as the reviewer needs it. */
export interface Delivery {
  readonly action: string;
  readonly number: number;
  readonly pull_request: { readonly draft: boolean; readonly head: { readonly sha: string } };
  readonly repository: { readonly full_name: string };
}

export interface Comment {
  readonly path: string;
  readonly line: number;
  readonly body: string;
}

/** A pull request at one commit. */
export interface Change {
  readonly repository: string;
  readonly number: number;
  readonly sha: string;
}

export interface GitHub {
  diff(change: Change, signal: AbortSignal): Promise<string>;
  review(change: Change, body: string, comments: readonly Comment[], signal: AbortSignal): Promise<void>;
}

/** Whether GitHub has signed a body. @param body - The raw body: parsed and serialised again, it can differ. */
export function isSigned(body: string, headers: Headers, secret: string): boolean {
  const wanted = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const given = Buffer.from(headers.get("x-hub-signature-256") ?? "");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** @param token - With the permission to read and write pull requests. */
export function githubOf(token: string): GitHub {
  const call = async ({ repository, number }: Change, path: string, init: RequestInit, accept: string) => {
    const response = await fetch(`https://api.github.com/repos/${repository}/pulls/${number}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, accept, "x-github-api-version": "2022-11-28" },
    });
    const { status, headers } = response;
    if (response.ok) return response.text();
    throw Object.assign(new Error(`GitHub answered ${status}`), { status, headers }); // a gate reads them
  };
  return {
    diff: (change, signal) => call(change, "", { signal }, "application/vnd.github.diff"),
    review: async (change, body, comments, signal) => {
      const review = { commit_id: change.sha, event: "COMMENT", body, comments };
      const init = { method: "POST", body: JSON.stringify(review), signal };
      await call(change, "/reviews", init, "application/vnd.github+json");
    },
  };
}

/** The lines that were added to a file. */
export interface Addition {
  readonly path: string;
  readonly lines: readonly { readonly line: number; readonly text: string }[];
}

/** Reads a diff in the unified format. Files that were deleted, and those without text, add nothing. */
export function additionsIn(diff: string): Addition[] {
  return diff.split(/^diff --git /m).flatMap((part) => {
    const path = /^\+\+\+ b\/(.+)$/m.exec(part)?.[1];
    const lines: { line: number; text: string }[] = [];
    for (const hunk of part.split(/^(?=@@ )/m).slice(1)) {
      let line = Number(/^@@ -\S+ \+(\d+)/.exec(hunk)?.[1]);
      for (const text of hunk.split("\n").slice(1)) {
        if (text.startsWith("+")) lines.push({ line, text: text.slice(1) });
        if (/^[+ ]/.test(text)) line++;
      }
    }
    return path === undefined || lines.length === 0 ? [] : { path, lines };
  });
}

/** Serves the webhook until the signal aborts. */
export async function serveWebhook(
  fetch: (request: Request) => Promise<Response>,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const server = serve({ fetch, port });
  await once(server, "listening"); // rejects if the port is taken
  await once(signal, "abort");
  server.close();
}
