// Whatever an error looks like, and whatever it does when it is read, reading it neither throws nor gives a wait
// that no timer could take.
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { isQuotaExhausted, looksLikeRefusal, readRefusal, statusOf } from "../../src/gate/refusal.js";

const names = [
  ..."status statusCode code name type message headers responseHeaders response $response $metadata".split(
    " ",
  ),
  ..."httpStatusCode $retryable throttling cause errors lastError error data body responseBody".split(" "),
  ..."details retryDelay seconds nanos violations quotaId get statusText".split(" "),
  ..."retry-after retry-after-ms date x-ratelimit-reset x-ratelimit-remaining x-ratelimit-limit".split(" "),
];
const texts = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "429",
    "503",
    "RESOURCE_EXHAUSTED",
    "7s",
    "-1",
    "1e999",
    "NaN",
    "Infinity",
    "0x10",
    "[",
    "{}",
  ),
  fc.double().map(String),
  fc.date({ noInvalidDate: false }).map(String),
  fc.json().map((json) => `429 {"error":${json}}`),
);
const statuses = fc.constantFrom(400, 402, 429, 500, 502, 503, 529, "429", "503");
const fails = (): never => {
  throw new Error("do not look");
};

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    texts,
    statuses,
    fc.anything(),
    fc.constant(fails),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.array(fc.tuple(texts, texts), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.dictionary(fc.constantFrom(...names), tie("tree"), { maxKeys: 6 }),
    fc
      .dictionary(fc.constantFrom(...names), tie("tree"), { maxKeys: 6 })
      .map((fields) => Object.assign(new Error("x"), fields)),
  ),
}));

/** One trap of a proxy that throws, or all of them. */
const traps = fc.constantFrom("get", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "all");
/** Made within a test: fast-check itself looks at what it generates. */
function hostile(value: unknown, trap: string): object {
  const target = typeof value === "object" && value !== null ? value : {};
  const all = {
    get: fails,
    has: fails,
    ownKeys: fails,
    getOwnPropertyDescriptor: fails,
    getPrototypeOf: fails,
  };
  return new Proxy(target, trap === "all" ? all : { [trap]: fails });
}

function readAll(error: unknown): void {
  const refusal = readRefusal(error);
  if (refusal !== undefined) {
    expect(["rate", "overload"]).toContain(refusal.kind);
    if (refusal.kind === "overload") expect(refusal.wait).toBeDefined();
    if (refusal.wait !== undefined) {
      expect(refusal.wait).toBeGreaterThanOrEqual(0);
      expect(refusal.wait).toBeLessThan(Number.POSITIVE_INFINITY);
    }
    expect(isQuotaExhausted(error)).toBe(false);
    expect(looksLikeRefusal(error)).toBe(false);
  }
  expect(looksLikeRefusal(error) && isQuotaExhausted(error)).toBe(false);
  const status = statusOf(error);
  if (status !== undefined) expect(status >= 400 && status < 600 && Number.isInteger(status)).toBe(true);
}

describe("reading an error", () => {
  test.prop([tree], { numRuns: 1_000 })("gives a possible wait, whatever its shape", readAll);

  test.prop([tree, traps, fc.constantFrom("", ...names)], { numRuns: 500 })(
    "does not throw where a proxy does",
    (value, trap, name) => {
      const proxy = hostile(value, trap);
      readAll(name === "" ? proxy : { status: 429, [name]: proxy });
    },
  );

  test.prop([fc.constantFrom(...names)])("passes over a getter that throws", (name) => {
    const error = Object.defineProperty(
      { response: { status: 429, headers: { "retry-after": "7" } } },
      name,
      {
        get: fails,
      },
    );
    readAll(error);
    if (!["response", "status"].includes(name))
      expect(readRefusal(error)).toEqual({ kind: "rate", wait: 7_000 });
  });

  test("ends for cycles, for objects without end, and for revoked proxies", () => {
    const cycle: Record<string, unknown> = { status: "x" };
    for (const name of names) cycle[name] = cycle;
    readAll(cycle);
    const endless: unknown = new Proxy(
      {},
      { get: (_, name) => (typeof name === "string" ? endless : undefined) },
    );
    readAll(endless);
    const fresh = (): object => new Proxy({}, { get: (_, name) => (name === "cause" ? fresh() : undefined) });
    readAll(fresh());
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    for (const name of names) readAll({ status: 429, [name]: proxy });
    readAll(proxy);
    const many = { *[Symbol.iterator]() { for (;;) yield ["x", "y"]; } }; // biome-ignore format: one line
    expect(readRefusal({ status: 429, headers: many })).toEqual({ kind: "rate", wait: undefined });
  });

  test("takes little time for a long message", () => {
    const start = performance.now();
    for (const part of ["{", "quota ", "exceed ", "1 ", "429", "Quota exceeded for metric: , limit: "]) {
      readAll({ message: part.repeat(200_000), headers: { "retry-after": part.repeat(200_000) } });
    }
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("a wait is read as it was written", () => {
  const now = Date.UTC(2026, 0, 1);
  const waitOf = (text: string) => readRefusal({ status: 429, headers: { "retry-after": text } }, now)?.wait;
  const seconds = fc.integer({ min: 0, max: 40 * 365 * 86_400 });

  test.prop([seconds])("in seconds, with units and as a point in time", (wait) => {
    const ms = wait * 1_000;
    expect(waitOf(`${(now + ms) / 1_000}`)).toBe(ms);
    expect(waitOf(`${now + ms}`)).toBe(ms);
    expect(waitOf(new Date(now + ms).toISOString())).toBe(ms);
    expect(waitOf(`${Math.floor(wait / 60)}m${wait % 60}s`)).toBe(ms);
    if (wait < 1e9) expect(waitOf(`${wait}`)).toBe(ms);
  });

  test.prop([seconds])("as a date in the three forms of HTTP", (wait) => {
    const date = new Date(now + wait * 1_000);
    const [, day, month, year, time] = date.toUTCString().split(/,? /) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const weekday = date.toLocaleDateString("en", { weekday: "long", timeZone: "UTC" });
    expect(waitOf(date.toUTCString())).toBe(wait * 1_000);
    expect(waitOf(`${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`)).toBe(wait * 1_000);
    expect(waitOf(`${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`)).toBe(
      wait * 1_000,
    );
  });
});
