// What is a refusal, and how long it says to wait: each place and each form, one at a time.
import { RetryError } from "ai";
import { AxiosHeaders } from "axios";
import { describe, expect, test } from "vitest";
import { isQuotaExhausted, looksLikeRefusal, readRefusal, statusOf } from "../../src/gate/refusal.js";

const now = Date.UTC(2026, 0, 1);
const read = (error: unknown) => readRefusal(error, now);
const waitOf = (headers: unknown, status: unknown = 429) => read({ status, headers })?.wait;
const rate = (wait?: number) => ({ kind: "rate", wait });
const error = (fields: object, message = "it failed") => Object.assign(new Error(message), fields);

describe("a refusal is found", () => {
  const headers = { "retry-after": "7" };
  test.each<[string, unknown]>([
    ["on the error", error({ status: 429, headers })],
    ["with the status as text", error({ status: "429", headers })],
    [
      "in statusCode and responseHeaders, as in the AI SDK",
      error({ statusCode: 429, responseHeaders: headers }),
    ],
    ["on its response", error({ response: { status: 429, headers } })],
    ["on a response with statusCode, as in got", error({ response: { statusCode: 429, headers } })],
    ["in code, as in googleapis", error({ code: 429, status: "RESOURCE_EXHAUSTED", response: { headers } })],
    ["in code as text", error({ code: "429", response: { headers } })],
    ["in $metadata, with $response", error({ $metadata: { httpStatusCode: 429 }, $response: { headers } })],
    ["on the cause", new Error("wrapped", { cause: error({ status: 429, headers }) })],
    ["three causes deep", [1, 2, 3].reduce((cause) => error({ cause }), error({ status: 429, headers }))],
    ["in the body alone, as within a stream", error({ headers, error: { code: 429, message: "slow down" } })],
    ["in the body as text", error({ headers, body: '{"error":{"type":"rate_limit_error"}}' })],
    ["on the last error of a retry error", error({ lastError: { status: 429, headers } })],
    ["in an AggregateError", new AggregateError([new Error("no"), error({ status: 429, headers })])],
  ])("%s", (_, thrown) => {
    expect(read(thrown)).toEqual(rate(7_000));
  });

  test("in the last of the errors of the AI SDK's own retries, and not in the ones before", () => {
    const [early, late] = [
      error({ statusCode: 429, responseHeaders: { "retry-after": "60" } }),
      error({ statusCode: 429 }),
    ];
    const failed = (...errors: Error[]) =>
      new RetryError({ message: "no", reason: "maxRetriesExceeded", errors });
    expect(read(failed(early, late))).toEqual(rate());
    expect(read(failed(late, early))).toEqual(rate(60_000));
    expect(read(failed(early, error({ statusCode: 401 })))).toBeUndefined();
  });

  test.each([
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
  ])("by the name %s of the AWS SDKs, whatever the status", (name) => {
    expect(read(error({ name, $metadata: { httpStatusCode: 400 } }))).toEqual(rate());
    expect(read(error({ code: name }))).toEqual(rate()); // the AWS SDK of version 2
  });

  test("by $retryable.throttling of the AWS SDKs", () => {
    expect(read(error({ $retryable: { throttling: true } }))).toEqual(rate());
    expect(read(error({ $retryable: { throttling: false } }))).toBeUndefined();
  });

  test("by RESOURCE_EXHAUSTED of gRPC, except for a message that is too large", () => {
    const grpc = (details: string) => error({ code: 8, details }, `8 RESOURCE_EXHAUSTED: ${details}`);
    expect(read(grpc("Quota exceeded for requests per minute"))).toEqual(rate());
    expect(read(grpc("Received message larger than max (5 vs. 4)"))).toBeUndefined();
  });
});

describe("502, 503, 504 and 529", () => {
  test.each([502, 503, 504, 529, "503"])("%j is a refusal where it names a wait", (status) => {
    expect(read({ status, headers: { "retry-after": "5" } })).toEqual({ kind: "overload", wait: 5_000 });
    expect(read({ status, headers: { "retry-after": "0" } })).toEqual({ kind: "overload", wait: 0 });
    expect(read({ status })).toBeUndefined();
    expect(read({ status, headers: { "retry-after": "soon" } })).toBeUndefined();
  });

  test("name no wait by the reset of a limit, which services send with every answer", () => {
    expect(read({ status: 503, headers: { "x-ratelimit-reset-tokens": "6m0s" } })).toBeUndefined();
  });

  test("of sluice's own remote are read like any other", () => {
    const remote = { code: "REMOTE_FAILED", status: 503, headers: new Headers({ "retry-after": "2" }) };
    expect(read(error(remote))).toEqual({ kind: "overload", wait: 2_000 });
  });

  test.each([200, 400, 408, 500, 501])("%i is none, whatever it names", (status) => {
    expect(read({ status, headers: { "retry-after": "5" } })).toBeUndefined();
  });
});

test("the outermost status decides", () => {
  expect(read(error({ status: 400, cause: error({ status: 429 }) }))).toBeUndefined();
  expect(read(error({ status: 200, cause: error({ status: 429 }) }))).toEqual(rate());
  expect(read(error({ status: 429, cause: error({ status: 400 }) }))).toEqual(rate());
});

describe("headers are read from", () => {
  class OtherHeaders {
    *[Symbol.iterator]() {
      yield ["Retry-After", "3"];
    }
  }
  test.each<[string, unknown]>([
    ["a Headers", new Headers({ "Retry-After": "3" })],
    ["the Headers of another realm", new OtherHeaders()],
    ["AxiosHeaders", new AxiosHeaders({ "Retry-After": "3" })],
    ["a Map in any case", new Map([["RETRY-AFTER", "3"]])],
    ["a list of pairs", [["Retry-After", "3"]]],
    ["a record in any case", { "Retry-AFTER": "3" }],
    ["a record of lists", { "retry-after": ["3", "9"] }],
    ["a record of numbers", { "retry-after": 3 }],
    ["get() alone", { get: (name: string) => (name === "retry-after" ? "3" : null) }],
    [
      "a record of which another property throws",
      Object.defineProperty({ "retry-after": "3" }, "date", {
        enumerable: true,
        get: () => {
          throw new Error("no");
        },
      }),
    ],
  ])("%s", (_, headers) => {
    expect(waitOf(headers)).toBe(3_000);
  });

  test.each([null, 5, "retry-after: 3", () => 3, [], [["retry-after"]], [null], { "retry-after": {} }])(
    "nothing else: %j",
    (headers) => {
      expect(read({ status: 429, headers })).toEqual(rate());
    },
  );
});

describe("the wait is", () => {
  test.each<[string, number | undefined]>([
    ["0", 0],
    ["7", 7_000],
    ["0.25", 250],
    ["7s", 7_000],
    ["20ms", 20],
    ["6m0s", 360_000],
    ["1h2m3.5s", 3_723_500],
    ["1 minute", 60_000],
    ["2 Seconds", 2_000],
    ["1d", 86_400_000],
    ["500µs", 0.5],
    ["99999999", 99_999_999_000],
    [`${now / 1_000 + 9}`, 9_000], // seconds since 1970
    [`${now / 1_000 + 1.5}`, 1_500],
    [`${now + 9_000}`, 9_000], // milliseconds since 1970
    [`${now - 9_000}`, 0],
    ["1000000000", 0], // a point in time, in 2001
    ["2026-01-01T00:00:09Z", 9_000],
    ["2026-01-01T01:00:09.5+01:00", 9_500],
    ["2025-12-31T00:00:00Z", 0],
    ["Thu, 01 Jan 2026 00:00:07 GMT", 7_000],
    ["Thursday, 01-Jan-26 00:00:07 GMT", 7_000],
    ["Thu Jan  1 00:00:07 2026", 7_000],
    ["Thu Jan 15 00:00:00 2026", 14 * 86_400_000],
    ["Saturday, 01-Jan-76 00:00:00 GMT", Date.UTC(2076, 0, 1) - now],
    ["Saturday, 01-Jan-77 00:00:00 GMT", 0], // in 1977
    ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["500000000000", undefined],
    ["100000000000000", undefined],
    ["-5", undefined],
    ["-5s", undefined],
    ["5 parsecs", undefined],
    ["5s or so", undefined],
    ["1 constructor", undefined],
    ["1e3", undefined],
    ["1e400", undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
    ["", undefined],
    ["2, 3", undefined],
    ["Thu, 32 Jan 2026 00:00:07 GMT", undefined],
    ["Thu, 01 Foo 2026 00:00:07 GMT", undefined],
    ["Thu, 01 Jan 2026 25:00:07 GMT", undefined],
    ["9".repeat(100), undefined],
  ])("of retry-after %j: %j ms", (text, wait) => {
    expect(waitOf({ "retry-after": text })).toBe(wait);
  });

  test("measured against the date of the answer, where that can be read", () => {
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const later = "Sun, 06 Nov 1994 08:49:44 GMT";
    expect(waitOf({ date, "retry-after": later })).toBe(7_000);
    expect(waitOf({ date, "retry-after": "Sunday, 06-Nov-94 08:49:44 GMT" })).toBe(7_000);
    expect(waitOf({ date, "retry-after": "Sun Nov  6 08:49:44 1994" })).toBe(7_000);
    expect(waitOf({ date, "x-ratelimit-reset": "1994-11-06T08:49:44Z" })).toBe(7_000);
    expect(waitOf({ date, "retry-after": "7" })).toBe(7_000);
    expect(waitOf({ date: "today", "retry-after": "2026-01-01T00:00:07Z" })).toBe(7_000);
  });

  test("measured against the clock by default", () => {
    const wait = readRefusal({
      status: 429,
      headers: { "retry-after": new Date(Date.now() + 60_000).toUTCString() },
    })?.wait;
    expect(wait).toBeGreaterThan(55_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });

  test("taken from milliseconds first, and from what says more than 0", () => {
    expect(waitOf({ "retry-after-ms": "1250", "retry-after": "2" })).toBe(1_250);
    expect(waitOf({ "x-ms-retry-after-ms": "1250" })).toBe(1_250);
    expect(waitOf({ "x-amz-retry-after": "1250" })).toBe(1_250);
    expect(waitOf({ "retry-after-ms": "0", "retry-after": "2" })).toBe(2_000);
    expect(waitOf({ "retry-after-ms": "soon", "retry-after": "2" })).toBe(2_000);
    expect(waitOf({ "retry-after": "0", "x-ratelimit-reset": "9" })).toBe(9_000);
    expect(waitOf({ "retry-after": "0" })).toBe(0);
    expect(waitOf({ "retry-after-ms": `${2 ** 31}` })).toBe(2 ** 31);
  });
});

describe("RetryInfo is read", () => {
  const body = { error: { code: 429, details: [{ "@type": "x" }, { retryDelay: "7.5s" }] } };
  test.each<[string, unknown]>([
    ["from a body that is parsed", error({ status: 429, error: body })],
    ["from a body that is text", error({ status: 429, responseBody: JSON.stringify(body) })],
    ["from the body of a stream, a list", error({ status: 429, response: { data: JSON.stringify([body]) } })],
    ["from a message that is the body, as in @google/genai", error({ status: 429 }, JSON.stringify(body))],
    ["from a message after a prefix", error({ status: 429 }, `got status: 429. ${JSON.stringify(body)}`)],
    [
      "from a body whose message is the body, as in streams of @google/genai",
      error({ status: 429 }, JSON.stringify({ error: { code: 429, message: JSON.stringify(body) } })),
    ],
    ["from errorDetails", error({ status: 429, errorDetails: body.error.details })],
    [
      "from gRPC",
      error({ status: 429, statusDetails: [{ retryDelay: { seconds: "7", nanos: 500_000_000 } }] }),
    ],
  ])("%s", (_, thrown) => {
    expect(read(thrown)).toEqual(rate(7_500));
  });

  test("and a message that quotes other JSON is no body", () => {
    expect(read(new Error('cannot parse {"status":429}'))).toBeUndefined();
    expect(read(new Error('{"error":"429"'))).toBeUndefined();
  });

  test.each([{ seconds: -1 }, { seconds: "x" }, { seconds: {} }, null, 7])(
    "and not from %j",
    (retryDelay) => {
      expect(read({ status: 429, details: [{ retryDelay }] })).toEqual(rate());
    },
  );
});

describe("the reset of a limit:", () => {
  test.each<[string, Record<string, string>, number | undefined]>([
    ["a duration", { "x-ratelimit-reset-requests": "6m0s" }, 360_000],
    ["seconds", { "x-ratelimit-reset": "9" }, 9_000],
    ["seconds since 1970, as of GitHub", { "x-ratelimit-reset": `${now / 1_000 + 9}` }, 9_000],
    ["a date, as of Anthropic", { "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:09Z" }, 9_000],
    ["the name of the draft", { "RateLimit-Reset": "9" }, 9_000],
    ["of Discord", { "x-ratelimit-reset-after": "9", "x-ratelimit-remaining": "0" }, 9_000],
    ["unreadable", { "x-ratelimit-reset": "later" }, undefined],
    ["another header", { "x-reset": "9", "x-ratelimit-limit": "9", "password-reset": "9" }, undefined],
  ])("%s", (_, headers, wait) => {
    expect(waitOf(headers)).toBe(wait);
    expect(waitOf(new Headers(headers))).toBe(wait);
  });

  const state = (name: string, remaining: string, limit: string, reset: string) => ({
    [`x-ratelimit-remaining-${name}`]: remaining,
    [`x-ratelimit-limit-${name}`]: limit,
    [`x-ratelimit-reset-${name}`]: reset,
  });

  test("of several, the latest of those with nothing left", () => {
    const [minute, day] = [state("tokens", "0", "100", "7s"), state("requests-day", "900", "1000", "9h")];
    expect(waitOf({ ...minute, ...day })).toBe(7_000);
    expect(waitOf({ ...minute, ...day, ...state("requests", "0", "10", "20s") })).toBe(20_000);
  });

  test("where each has something left, the one with the smallest share, if that is at most half", () => {
    const requests = state("requests", "499", "500", "120ms");
    expect(waitOf({ ...requests, ...state("tokens", "3000", "30000", "54s") })).toBe(54_000);
    expect(waitOf({ ...requests, ...state("tokens", "29000", "30000", "2s") })).toBeUndefined();
    expect(waitOf(state("core", "4000", "5000", "2400"))).toBeUndefined(); // a second limit of GitHub
  });

  test("where nothing else is known, the soonest", () => {
    expect(waitOf({ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s" })).toBe(1_000);
  });
});

describe("an exhausted quota", () => {
  const openai = { error: { type: "insufficient_quota", code: "insufficient_quota", message: "no" } };
  const text = JSON.stringify(openai);
  test.each<[string, object]>([
    ["on the error", { code: "insufficient_quota" }],
    ["in error", { error: openai.error }],
    ["in error.error", { error: openai }],
    ["in data", { data: openai }],
    ["in body", { body: openai }],
    ["in body as text", { body: text }],
    ["in responseBody", { responseBody: text }],
    ["in response.data", { response: { status: 429, data: openai } }],
    ["in response.body", { response: { statusCode: 429, body: text } }],
    ["in the cause", { cause: error({ status: 429, error: openai.error }) }],
    ["in errors", { errors: [error({ data: openai })] }],
    ["in lastError", { lastError: error({ responseBody: text }) }],
    ["in the message", { message: `429 ${text}` }],
  ])("is found %s, and is no refusal", (_, fields) => {
    const thrown = error({ status: 429, headers: { "retry-after": "7" }, ...fields });
    expect(isQuotaExhausted(thrown)).toBe(true);
    expect(read(thrown)).toBeUndefined();
    expect(looksLikeRefusal(thrown)).toBe(false);
  });

  const google = (message: string, quotaId: string) => ({
    error: {
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      message,
      details: [{ violations: [{ quotaId }] }, { retryDelay: "9s" }],
    },
  });
  test.each<[string, object]>([
    ["Anthropic", { status: 400, error: { error: { message: "Your credit balance is too low to access" } } }],
    ["Anthropic, billing_error", { status: 402, error: { type: "error", error: { type: "billing_error" } } }],
    ["OpenAI, a hard limit", { status: 400, code: "billing_hard_limit_reached" }],
    ["OpenRouter and DeepSeek", { status: 402, message: "Insufficient Balance" }],
    ["xAI", { status: 403, error: "Your team has either used all available credits or reached its limit." }],
    ["Moonshot", { status: 429, type: "exceeded_current_quota_error" }],
    [
      "Azure API Management",
      { status: 403, data: { message: "Out of call volume quota. Quota will be replenished in 07:01:20." } },
    ],
    [
      "Gemini, per day",
      {
        status: 429,
        data: google("You exceeded your current quota", "GenerateRequestsPerDayPerProjectPerModel"),
      },
    ],
    [
      "Gemini, a model outside the plan",
      { status: 429, data: google("* Quota exceeded for metric: a/b, limit: 0, model: m", "PerMinute") },
    ],
  ])("of %s is recognised", (_, fields) => {
    expect(isQuotaExhausted(error(fields))).toBe(true);
  });

  test.each<[string, unknown]>([
    ["a usual 429", { status: 429, code: "rate_limit_exceeded", error: { type: "requests" } }],
    [
      "Gemini's limit per minute",
      {
        status: 429,
        data: google(
          "You exceeded your current quota\n* Quota exceeded for metric: a/b, limit: 10",
          "GenerateRequestsPerMinutePerProject",
        ),
      },
    ],
    ["null", null],
    ["a string", "insufficient_quota"],
  ])("is not %s", (_, thrown) => {
    expect(isQuotaExhausted(thrown)).toBe(false);
  });
});

describe("looksLikeRefusal", () => {
  test.each<unknown>([
    new Error("Rate limit reached for gpt-4o"),
    new Error("Too Many Requests"),
    new Error("429"),
    new Error("request failed with status code 429"),
    error({ status: 403 }, "API rate limit exceeded for user"),
    error({ name: "ThrottledError" }),
    new Error("failed", { cause: new Error("quota exceeded") }),
    error({ statusText: "Too Many Requests" }),
    "too many requests",
  ])("is true of %s", (thrown) => {
    expect(looksLikeRefusal(thrown)).toBe(true);
    expect(read(thrown)).toBeUndefined();
  });

  test.each<unknown>([
    error({ status: 429 }, "Too Many Requests"), // it is understood
    error({ status: 529 }, "Overloaded"), // a failure, as it names no wait
    new Error("socket hang up"),
    new Error("row 429 has no title"),
    null,
    undefined,
    429,
  ])("is false of %s", (thrown) => {
    expect(looksLikeRefusal(thrown)).toBe(false);
  });
});

describe("statusOf", () => {
  test.each<[unknown, number | undefined]>([
    [{ status: 404 }, 404],
    [{ statusCode: "503" }, 503],
    [{ response: { status: 401 } }, 401],
    [{ $metadata: { httpStatusCode: 400 } }, 400],
    [{ code: 403 }, 403],
    [{ cause: { cause: { status: 500 } } }, 500],
    [{ status: 400, cause: { status: 500 } }, 400],
    [{ status: 200, response: { status: 422 } }, 422],
    [{ lastError: { statusCode: 401 }, errors: [{ statusCode: 429 }] }, 401],
    [{ status: "4e2" }, undefined],
    [{ status: 999 }, undefined],
    [{ status: 429.5 }, undefined],
    [{ code: 8 }, undefined],
    [{ code: "ECONNRESET" }, undefined],
    [undefined, undefined],
    ["429", undefined],
  ])("of %j is %j", (thrown, status) => {
    expect(statusOf(thrown)).toBe(status);
  });
});
