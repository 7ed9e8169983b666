// Deliveries of Slack for a trial without an app: one, its retry, one of a bot, and a forged one.
import { createHmac } from "node:crypto";

/** The secret and the time of the signatures. */
export const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
export const NOW = 1_764_000_000_000;

const mention = (id: string, text: string, more: object = {}) => ({
  team_id: "T01234567",
  type: "event_callback",
  event_id: id,
  event: {
    type: "app_mention",
    user: "U02345678",
    text,
    ts: "1764000000.000100",
    channel: "C04567890",
    ...more,
  },
});
const question = mention("Ev01", "<@U03456789> What is 17 times 23?");
const bodies = [
  { type: "url_verification", challenge: "3eZbrw1aBm2rZgRNFdxV" },
  question,
  question, // retries are the same but for a header
  mention("Ev02", "<@U03456789> What is 2 plus 2?", { bot_id: "B01234567" }),
].map((body) => JSON.stringify(body));

function requestOf(body: string, secret: string): Request {
  const timestamp = String(NOW / 1_000);
  const signature = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
  return new Request("http://localhost/", {
    method: "POST",
    headers: { "x-slack-request-timestamp": timestamp, "x-slack-signature": `v0=${signature}` },
    body,
  });
}

/** The requests, each with a description. */
export const recorded = (): Request[] => [
  ...bodies.map((body) => requestOf(body, SECRET)),
  requestOf(bodies[1] ?? "", "another secret"),
];
