// What is understood of the errors of real clients, which get real answers over HTTP. The table of it in
// docs/guide/gates.md is made here: UPDATE_TABLE=1 writes it, and otherwise this fails where it is not the same.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type OutgoingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { isQuotaExhausted, readRefusal } from "../../src/gate/refusal.js";
import type { Client, Dialect } from "./refusal-clients.js";

const page = fileURLToPath(new URL("../../docs/guide/gates.md", import.meta.url));
const [begin, end] = ["<!-- refusals: made by tests/gate/refusals.test.ts -->\n\n", "\n<!-- /refusals -->"];

interface Answer {
  readonly name: string;
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** The body in each dialect; without it, a limit that is reached. */
  readonly body?: Partial<Record<Dialect, { readonly status?: number; readonly json: unknown }>>;
}

const limit: Record<Dialect, unknown> = {
  openai: { error: { message: "Rate limit reached", type: "requests", code: "rate_limit_exceeded" } },
  anthropic: {
    type: "error",
    error: { type: "rate_limit_error", message: "This would exceed your rate limit" },
  },
  google: { error: { code: 429, message: "Resource has been exhausted", status: "RESOURCE_EXHAUSTED" } },
  aws: { message: "Too many requests, please wait before trying again." },
};
const trouble: Record<Dialect, unknown> = {
  openai: { error: { message: "The server is overloaded", type: "server_error", code: null } },
  anthropic: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  google: { error: { code: 503, message: "The model is overloaded", status: "UNAVAILABLE" } },
  aws: { message: "Unable to process your request" },
};

const day = "Sun, 06 Nov 1994 08:49:3";
const spent = "You exceeded your current quota, please check your plan and billing details.";
const insufficient = { error: { message: spent, type: "insufficient_quota", code: "insufficient_quota" } };
const retryInfo = {
  ...(limit.google as { error: object }).error,
  details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" }],
};
const daily = {
  ...(limit.google as { error: object }).error,
  message: spent,
  details: [
    {
      "@type": "type.googleapis.com/google.rpc.QuotaFailure",
      violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }],
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "20s" },
  ],
};
const lowBalance = {
  type: "error",
  error: {
    type: "invalid_request_error",
    message: "Your credit balance is too low to access the Anthropic API.",
  },
};

const answers: readonly Answer[] = [
  { name: "429, `retry-after: 7`", status: 429, headers: { "retry-after": "7" } },
  {
    name: "429, `retry-after` 7 s after `date`",
    status: 429,
    headers: { date: `${day}0 GMT`, "retry-after": `${day}7 GMT` },
  },
  {
    name: "429, `retry-after-ms: 1250`",
    status: 429,
    headers: { "retry-after-ms": "1250", "retry-after": "2" },
  },
  {
    name: "429, `x-ratelimit-reset-tokens: 1m7s`",
    status: 429,
    headers: {
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
      "x-ratelimit-limit-tokens": "30000",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "1m7s",
    },
  },
  { name: "429, RetryInfo of 7 s", status: 429, body: { google: { json: { error: retryInfo } } } },
  { name: "429 alone", status: 429 },
  { name: "400, `ThrottlingException`", status: 400, body: { aws: { json: limit.aws } } },
  { name: "503, `retry-after: 7`", status: 503, headers: { "retry-after": "7" } },
  { name: "503 alone", status: 503 },
  { name: "529, `retry-after: 7`", status: 529, headers: { "retry-after": "7" } },
  {
    name: "an exhausted quota",
    status: 429,
    headers: { "retry-after": "7" },
    body: {
      openai: { json: insufficient },
      anthropic: { status: 400, json: lowBalance },
      google: { json: { error: daily } },
    },
  },
];

let server: Server;
let origin: string;
let clients: readonly Client[];

beforeAll(async () => {
  vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
  server = createServer((request, response) => {
    const [, index, dialect] = (request.url as string).split("/") as [string, string, Dialect];
    const answer = answers[Number(index)] as Answer;
    const body = answer.body?.[dialect];
    const usual = answer.status > 500 ? trouble : limit;
    const errorType = answer.status > 500 ? "ServiceUnavailableException" : "ThrottlingException";
    request.resume();
    response.writeHead(body?.status ?? answer.status, {
      "content-type": "application/json",
      ...(dialect === "aws" && { "x-amzn-errortype": errorType }),
      ...answer.headers,
    });
    response.end(JSON.stringify(body?.json ?? usual[dialect]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ({ clients } = await import("./refusal-clients.js"));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  vi.unstubAllEnvs();
});

/** A cell of the table. */
function understood(error: unknown): string {
  if (isQuotaExhausted(error)) return "exhausted";
  const refusal = readRefusal(error);
  if (refusal === undefined) return "a failure";
  return refusal.wait === undefined ? refusal.kind : `${refusal.kind}, ${refusal.wait / 1_000} s`;
}

/** What a client throws for each answer, as cells; empty where its service has no such answer. */
const columnOf = (client: Client): Promise<string[]> =>
  Promise.all(
    answers.map(async ({ name, body }, index) => {
      if (body !== undefined && !(client.dialect in body)) return "";
      const call = client.call(`${origin}/${index}/${client.dialect}`);
      const error = await call.then(
        () => expect.fail(`${client.name} does not fail for ${name}`),
        (reason: unknown) => reason,
      );
      return understood(error);
    }),
  );

/** A row for each answer, and a column for all clients of which the same is understood. */
async function makeTable(): Promise<string> {
  const groups = new Map<string, { names: string[]; column: string[] }>();
  const columns = await Promise.all(clients.map(columnOf));
  for (const [i, column] of columns.entries()) {
    const group = groups.get(column.join("|")) ?? { names: [], column };
    groups.set(column.join("|"), group);
    group.names.push((clients[i] as Client).name);
  }
  const all = [...groups.values()];
  const line = (cells: readonly string[]) =>
    `|${cells.map((cell) => (cell === "" ? " |" : ` ${cell} |`)).join("")}\n`;
  return [
    line(["The service answers", ...all.map(({ names }) => names.join(", "))]),
    `|${"---|".repeat(all.length + 1)}\n`,
    ...answers.map(({ name }, i) => line([name, ...all.map(({ column }) => column[i] as string)])),
  ].join("");
}

test("what real clients throw is understood as the table in docs/guide/gates.md says", async () => {
  const table = await makeTable();
  const [before, rest] = readFileSync(page, "utf8").split(begin) as [string, string];
  const [written, after] = rest.split(end) as [string, string];
  if (process.env.UPDATE_TABLE === "1") writeFileSync(page, `${before}${begin}${table}${end}${after}`);
  else expect(written).toBe(table);
});
