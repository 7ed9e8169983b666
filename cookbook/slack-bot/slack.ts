// The API of Slack: verifies a delivery, posts a message.
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { serve } from "@hono/node-server";

/** A delivery of Slack's Events API, as far as this bot needs it. */
export type Delivery =
  | { readonly type: "url_verification"; readonly challenge: string }
  | {
      readonly type: "event_callback";
      /** The same in each retry. */
      readonly event_id: string;
      readonly event: {
        readonly type: string;
        readonly channel: string;
        readonly text: string;
        readonly ts: string;
        readonly thread_ts?: string;
        readonly bot_id?: string;
      };
    };

/** An old signature proves nothing, because a recorded request can be replayed. */
const MOST_AGE = 5 * 60;

/** Whether Slack has signed a body. @param body - The raw body: parsed and serialised again, it can differ. */
export function isSigned(body: string, headers: Headers, secret: string, now: number): boolean {
  const timestamp = headers.get("x-slack-request-timestamp") ?? "";
  const isFresh = Math.abs(now / 1_000 - Number(timestamp)) <= MOST_AGE;
  const wanted = Buffer.from(
    `v0=${createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex")}`,
  );
  const given = Buffer.from(headers.get("x-slack-signature") ?? "");
  return isFresh && given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Posts a message into a thread. */
export type Post = (channel: string, thread: string, text: string, signal: AbortSignal) => Promise<void>;

/** @param token - Of the bot, `xoxb-…`, with the scope `chat:write`. */
export const postTo =
  (token: string): Post =>
  async (channel, thread, text, signal) => {
    const response = await fetch("https://slack.com/api/chat.postMessage", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ channel, thread_ts: thread, text }),
      signal,
    });
    const { status, headers } = response;
    if (!response.ok) throw Object.assign(new Error(`Slack answered ${status}`), { status, headers }); // a gate reads them
    const { ok, error } = (await response.json()) as { ok: boolean; error?: string };
    if (!ok) throw new Error(`Slack did not post: ${error}`);
  };

/** Serves the app's Request URL until the signal aborts. */
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
