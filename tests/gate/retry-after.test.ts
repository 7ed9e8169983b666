// Reading a vendor's "wait" out of what its SDK threw.
import { retryAfter } from "sluice";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isQuotaExhausted } from "../../src/gate/retry-after.js";
import { useFakeClock, useRealClock } from "../support/fake-clock.js";

beforeEach(useFakeClock); // it is 2026-01-01T00:00:00Z
afterEach(useRealClock);

const refused = (headers?: unknown) => ({ status: 429, headers });

describe("an error is a call to wait only", () => {
  test.each([
    ["with status 429", { status: 429 }],
    ["with statusCode 429, as in the AI SDK", { statusCode: 429 }],
    ["with a response of status 429, as in axios", { response: { status: 429 } }],
    ["with a status that is text", { status: "429" }],
    ["as an Error with a status", Object.assign(new Error("429"), { status: 429 })],
  ])("%s", (_, error) => {
    expect(retryAfter(error)).toBe(1_000);
  });

  test.each([
    ["another status", { status: 500, headers: { "retry-after": "5" } }],
    ["503 alone", { status: 503 }],
    ["a status that is other text", { status: "slow down" }],
    ["no status", new Error("429")],
    ["a string", "429"],
    ["a number", 429],
    ["null", null],
    ["undefined", undefined],
    ["a function", () => 429],
    ["an empty object", {}],
  ])("and not with %s", (_, error) => {
    expect(retryAfter(error)).toBeUndefined();
  });

  test.each([
    ["in code", { status: 429, code: "insufficient_quota" }],
    ["in type", { status: 429, type: "insufficient_quota" }],
    ["in error.code, as in the body of OpenAI", { status: 429, error: { code: "insufficient_quota" } }],
    [
      "in error.type",
      { status: 429, error: { type: "insufficient_quota" }, headers: { "retry-after": "1" } },
    ],
  ])("and not with an exhausted quota %s", (_, error) => {
    expect(retryAfter(error)).toBeUndefined();
    expect(isQuotaExhausted(error)).toBe(true);
  });

  test("a usual 429 is no exhausted quota", () => {
    expect(isQuotaExhausted({ status: 429, code: "rate_limit_exceeded", error: { type: "requests" } })).toBe(
      false,
    );
    expect(isQuotaExhausted(null)).toBe(false);
  });
});

describe("headers", () => {
  test.each([
    ["a plain object", { "retry-after": "3" }],
    ["a plain object in other case", { "Retry-After": "3" }],
    ["a plain object with a number", { "retry-after": 3 }],
    ["a plain object with a list, as node:http gives", { "retry-after": ["3"] }],
    ["a Headers", new Headers({ "Retry-After": "3" })],
    ["a Map", new Map([["retry-after", "3"]])],
    [
      "something with get(), as in axios",
      { get: (name: string) => (name === "retry-after" ? "3" : undefined) },
    ],
  ])("are read from %s", (_, headers) => {
    expect(retryAfter(refused(headers))).toBe(3_000);
    expect(retryAfter({ status: 429, response: { headers } })).toBe(3_000);
    expect(retryAfter({ response: { status: 429, headers } })).toBe(3_000);
    expect(retryAfter({ status: 429, responseHeaders: headers })).toBe(3_000);
  });

  test("of the error come before those of its response, and empty ones are passed over", () => {
    const response = { headers: { "retry-after": "7" } };
    expect(retryAfter({ status: 429, headers: { "retry-after": "3" }, response })).toBe(3_000);
    expect(retryAfter({ status: 429, headers: {}, response })).toBe(7_000);
    expect(retryAfter({ status: 429, headers: new Headers(), response, responseHeaders: {} })).toBe(7_000);
    expect(retryAfter({ status: 429, headers: null, response: null, responseHeaders: "3" })).toBe(1_000);
  });

  test("retry-after-ms is more exact than retry-after, and comes first", () => {
    expect(retryAfter(refused({ "retry-after": "2", "retry-after-ms": "1250" }))).toBe(1_250);
    expect(retryAfter(refused({ "retry-after-ms": "0" }))).toBe(0);
    expect(retryAfter(refused({ "retry-after-ms": "1.5" }))).toBe(1.5);
    expect(retryAfter(refused({ "retry-after": "2", "retry-after-ms": "soon" }))).toBe(2_000);
  });
});

describe("retry-after", () => {
  test.each([
    ["0", 0],
    ["1", 1_000],
    ["0.25", 250],
    [" 12 ", 12_000],
    ["120", 120_000],
    ["99999999", 99_999_999_000],
  ])("of %j seconds is %i ms", (text, ms) => {
    expect(retryAfter(refused({ "retry-after": text }))).toBe(ms);
  });

  test.each([
    ["Thu, 01 Jan 2026 00:00:07 GMT", 7_000],
    ["Thu, 01 Jan 2026 01:00:00 GMT", 3_600_000],
    ["Thursday, 01-Jan-26 00:00:07 GMT", 7_000], // the obsolete form of RFC 850
    ["Wed, 21 Oct 2015 07:28:00 GMT", 0], // it is over
  ])("of the HTTP date %j is %i ms from now", (text, ms) => {
    expect(retryAfter(refused({ "retry-after": text }))).toBe(ms);
  });

  test("of a 503 counts too", () => {
    expect(retryAfter({ status: 503, headers: { "retry-after": "5" } })).toBe(5_000);
  });

  test.each(["", "  ", "soon", "-5", "NaN", "Infinity", "1e400", "2, 3"])(
    "that cannot be read (%j) is a second",
    (text) => {
      expect(retryAfter(refused({ "retry-after": text }))).toBe(1_000);
      expect(retryAfter(refused({ "retry-after-ms": text }))).toBe(1_000);
    },
  );
});
