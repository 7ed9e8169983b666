// Recorded once, played back from a file; what is new fails, and no secret gets into the file.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type Executor,
  emitter,
  Flow,
  Gate,
  locate,
  type Node,
  node,
} from "sluice";
import { openJournal } from "sluice/journal";
import { type CassetteMode, type CassetteOptions, cassette } from "sluice/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as deferred from "../../../support/deferred.js";

const rejection = async (work: Promise<unknown>) =>
  (await deferred.rejection(work)) as Error & { code?: string };

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-cassette-"));
  file = join(folder, "tapes/calls.json");
  vi.stubEnv("CI", "");
  vi.stubEnv("SLUICE_CASSETTE", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});
const written = () => readFileSync(file, "utf8");

interface Shared {
  input: unknown;
  result?: unknown;
}
/** A flow of one node that notes what its `exec` was called with. */
function ask(executor: Executor, exec: (input: never) => unknown, options: object = {}) {
  const calls: unknown[] = [];
  const made = node({
    name: "Ask",
    executor,
    ...options,
    prep: ({ input }: Shared) => input,
    exec: (input) => {
      calls.push(input);
      return exec(input as never);
    },
    post: (shared, _input, result) => {
      shared.result = result;
    },
  });
  const flow = new Flow(made as Node<Shared>, { name: "Main" });
  const run = async (input: unknown, runOptions: object = {}) => {
    const shared: Shared = { input };
    await flow.run(shared, runOptions);
    return shared.result;
  };
  return { calls, run };
}
const never = () => {
  throw new Error("exec was called");
};

describe("what was recorded is played", () => {
  test("without a call of exec, in the same form", async () => {
    const recording = ask(cassette(file), (text: string) => ({ upper: text.toUpperCase() }));
    expect(await recording.run("hello")).toEqual({ upper: "HELLO" });
    expect(recording.calls).toEqual(["hello"]);
    expect(JSON.parse(written())).toEqual({
      version: 1,
      calls: [{ place: "Main/Ask", input: "hello", value: { upper: "HELLO" } }],
    });
    const tape = cassette(file);
    expect(tape.mode).toBe("play");
    expect(await ask(tape, never).run("hello")).toEqual({ upper: "HELLO" });
  });

  test.each<[string, unknown]>([
    ["a Map and a Date", new Map([["at", new Date(5)]])],
    ["nothing", undefined],
    ["bytes", new Uint8Array([1, 2])],
    ["a BigInt, a Set and NaN", [5n, new Set([1]), Number.NaN]],
    ["an object with our mark", { "~devalue": "5" }],
  ])("%s comes back as it was", async (_, value) => {
    expect(await ask(cassette(file), () => value).run({ value })).toEqual(value);
    expect(await ask(cassette(file), never).run({ value })).toEqual(value);
  });

  test("what one run changes in a result, another does not see", async () => {
    await ask(cassette(file), () => ({ list: [1] })).run(1);
    const { run } = ask(cassette(file), never);
    ((await run(1)) as { list: number[] }).list.push(2);
    expect(await run(1)).toEqual({ list: [1] });
  });

  test("data and charges too, and gates are not asked", async () => {
    const make = (executor: Executor, gate: Gate) =>
      node({
        name: "Ask",
        executor,
        gate,
        cost: () => 10,
        exec: async (_: undefined, { emit, charge }) => {
          await emit("half");
          charge(7);
          return 1;
        },
      });
    for (const calls of [1, 0]) {
      const gate = new Gate();
      const data: unknown[] = [];
      const usage: unknown[] = [];
      const events = emitter();
      events.on("data", (event) => void data.push(event.data));
      events.on("usage", ({ tokens }) => void usage.push(tokens));
      await make(cassette(file), gate).run({}, { events });
      expect([gate.stats().spent.calls, data, usage.at(-1)]).toEqual([calls, ["half"], 7]);
    }
  });

  test("calls of one run with the same input have an answer each; each run begins with the first", async () => {
    class Same extends AsyncParallelBatchNode<{ results?: number[] }, string, number> {
      #calls = 0;
      override prep() {
        return ["x", "x", "y"];
      }
      override async exec() {
        return ++this.#calls;
      }
      override post(shared: { results?: number[] }, _items: unknown, results: number[]) {
        shared.results = results;
      }
    }
    const resultsOf = async (executor: Executor) => {
      const shared: { results?: number[] } = {};
      await new Flow(new Same({ executor, concurrency: 1 }), { name: "Main" }).run(shared);
      return shared.results;
    };
    const tape = cassette(file);
    expect(await resultsOf(tape)).toEqual([1, 2, 3]);
    expect(await resultsOf(tape)).toEqual([1, 2, 3]); // a second run while it records
    const player = cassette(file);
    expect(await resultsOf(player)).toEqual([1, 2, 3]);
    expect(await resultsOf(player)).toEqual([1, 2, 3]);
  });

  test("by place, input and params, whatever the order of keys", async () => {
    const make = (executor: Executor) => {
      const inner = node({
        name: "Inner",
        executor,
        exec: (_: undefined, { params }) => params.id,
        post: (shared: { ids: unknown[] }, _prepared, id) => void shared.ids.push(id),
      });
      class Each extends AsyncParallelBatchFlow<{ ids: unknown[] }, { id: number }> {
        override prep() {
          return [{ id: 1 }, { id: 2 }];
        }
      }
      return new Flow(new Each(inner), { name: "Main" });
    };
    for (let round = 0; round < 2; round++) {
      const shared = { ids: [] as unknown[] };
      await make(cassette(file)).run(shared);
      expect(shared.ids.sort()).toEqual([1, 2]);
    }
    const other = join(folder, "other.json");
    await ask(cassette(other), () => 1).run({ a: 1, b: { c: 1, d: 2 } });
    expect(await ask(cassette(other), never).run({ b: { d: 2, c: 1 }, a: 1 })).toBe(1);
  });

  test("in a run with a journal, whose resumed run takes what the journal has", async () => {
    const journal = await openJournal(":memory:");
    const { run, calls } = ask(cassette(file), () => 1);
    expect([await run(1, { journal, runId: "a" }), await run(1, { journal, runId: "a" })]).toEqual([1, 1]);
    expect(calls).toEqual([1]);
    await journal.close();
  });
});

describe("a call that was not recorded", () => {
  const record = async (...inputs: unknown[]) => {
    const { run } = ask(cassette(file, { mode: "record" }), () => 1);
    for (const input of inputs) await run(input);
  };

  test("fails with the difference to the most similar input", async () => {
    await record("Summarise: close the door", "Summarise the text.\nBe short.\nopen the gate", "x");
    const error = await rejection(
      ask(cassette(file), never, { attempts: 3 }).run("Summarise the text.\nBe brief.\nopen the gate"),
    );
    expect(error.code).toBe("CASSETTE_MISS");
    expect(error.message).toContain('"Main/Ask": cassette ');
    expect(error.message).toContain("has no call with this input; record it with SLUICE_CASSETTE=record");
    expect(error.message).toMatch(/\+ .*'Be brief\.'/);
    expect(error.message).toMatch(/- .*'Be short\.'/);
    expect(error.message).not.toContain("door");
    expect(locate(error)).toMatchObject({ node: "Ask" });
  });

  test("of a node that has none is shown with its input", async () => {
    await record("x");
    const other = node({ name: "Other", executor: cassette(file), prep: () => ({ a: 1 }), exec: never });
    const error = await rejection(new Flow(other, { name: "Main" }).run({}));
    expect(error.message).toContain("has no call of this node; record it");
    expect(error.message).toContain('Its input:\n{\n  "a": 1\n}');
  });

  test("is one more of the same", async () => {
    await record("x");
    class Twice extends AsyncParallelBatchNode<object, string, number> {
      override prep() {
        return ["x", "x"];
      }
    }
    const error = await rejection(
      new Flow(new Twice({ name: "Ask", executor: cassette(file) }), { name: "Main" }).run({}),
    );
    expect(error.message).toContain("has this call 1 times, and it was made 2 times in one run");
  });

  test("is made and added in the mode for it; record forgets what is not called again", async () => {
    await record("a", "b");
    const adding = ask(cassette(file, { mode: "add" }), () => 2);
    expect([await adding.run("a"), await adding.run("c")]).toEqual([1, 2]);
    expect(adding.calls).toEqual(["c"]);
    const inputs = () => JSON.parse(written()).calls.map(({ input }: { input: unknown }) => input);
    expect(inputs()).toEqual(["a", "b", "c"]);
    await record("c");
    expect(inputs()).toEqual(["c"]);
  });
});

test("failures are not recorded, and a fallback's result is", async () => {
  const failing = ask(cassette(file), () => Promise.reject(new Error("down")));
  expect((await rejection(failing.run(1))).message).toBe("down");
  expect(existsSync(file)).toBe(false);
  await ask(cassette(file), () => Promise.reject(new Error("down")), { execFallback: () => "instead" }).run(
    1,
  );
  expect(await ask(cassette(file), never).run(1)).toBe("instead");
});

describe("the mode", () => {
  test.each<[string, string, CassetteOptions, boolean, CassetteMode]>([
    ["", "", {}, false, "record"],
    ["", "", {}, true, "play"],
    ["", "true", {}, false, "play"],
    ["record", "true", {}, true, "record"],
    ["add", "", {}, true, "add"],
    ["record", "", { mode: "play" }, true, "play"],
  ])(
    "with SLUICE_CASSETTE=%j, CI=%j, %j and a file: %j is %s",
    async (variable, ci, options, hasFile, mode) => {
      vi.stubEnv("SLUICE_CASSETTE", variable);
      vi.stubEnv("CI", ci);
      file = join(folder, "a.json");
      if (hasFile) writeFileSync(file, '{"version":1,"calls":[]}');
      expect(cassette(file, options).mode).toBe(mode);
    },
  );

  test("that is none is refused, as are other options", () => {
    vi.stubEnv("SLUICE_CASSETTE", "rec");
    expect(() => cassette(file)).toThrow(
      'expected `$SLUICE_CASSETTE` to be "play" or "record" or "add", got "rec"',
    );
    expect(() => cassette(file, { mode: "x" as never })).toThrow("expected `mode`");
    expect(() => cassette(file, { modus: "play" } as never)).toThrow("did you mean `mode`?");
    expect(() => cassette("")).toThrow("expected `file` to be the path of a file");
  });
});

describe("secrets", () => {
  test.each([
    "sk-proj-abcdefghijklmnop1234",
    "Bearer abc.def-ghi_jkl",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "xoxb-1234567890-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "postgres://me:hunter22@db/x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
  ])("%s is not written, and its call is found", async (secret) => {
    const input = { prompt: `use ${secret} now` };
    const { run } = ask(cassette(file), () => [secret]);
    expect(await run(input)).toEqual([secret]);
    const hidden = secret.startsWith("postgres") ? "hunter22" : secret.slice(-12);
    expect(written()).not.toContain(hidden);
    expect(written()).toContain("[redacted]");
    const played = await ask(cassette(file), never).run(input);
    expect(JSON.stringify(played)).toContain("[redacted]");
  });

  test("are the values of variables and secret fields, and the matches of the test's function", async () => {
    vi.stubEnv("VENDOR_API_KEY", "quite-an-odd-one");
    const redact = (text: string) => text.replaceAll(/\w+@example\.com/g, "someone");
    const loop: Record<string, unknown> = { password: "short", apiKey: "k", tokens: "12", author: "me" };
    loop.self = loop;
    const input = {
      text: "quite-an-odd-one by eve@example.com",
      headers: { Authorization: "x", Cookie: "y" },
      map: new Map([["secret", "z"]]),
      set: new Set(["eve@example.com"]),
      loop,
    };
    await ask(cassette(file, { redact }), () => 1).run(input);
    const content = written();
    for (const secret of ["quite-an-odd-one", "eve@", '\\"short', '\\"k\\"', '\\"x\\"', '\\"y\\"', '\\"z\\"'])
      expect(content).not.toContain(secret);
    for (const plain of ["someone", '\\"12\\"', '\\"me\\"']) expect(content).toContain(plain);
    expect(await ask(cassette(file, { redact }), never).run(input)).toBe(1);
    expect(input.headers.Authorization).toBe("x");
  });
});

describe("what cannot be kept is said", () => {
  test.each<[string, unknown, unknown, string]>([
    ["an input", { fn: () => 1 }, 1, '"Main/Ask": its input: expected plain data, got a function (fn)'],
    [
      "a result",
      1,
      { signal: new AbortController().signal },
      '"Main/Ask": its result: expected plain data, got an object (AbortSignal)',
    ],
  ])("%s that is no plain data", async (_, input, result, message) => {
    const error = await rejection(ask(cassette(file), () => result).run(input));
    expect([error.code, error.message]).toEqual(["CASSETTE_FAILED", expect.stringContaining(message)]);
  });

  test.each(["{", "[]", '{"version":2,"calls":[]}'])("a file with %s", (content) => {
    file = join(folder, "a.json");
    writeFileSync(file, content);
    expect(() => cassette(file)).toThrow(expect.objectContaining({ code: "CASSETTE_FAILED" }));
  });

  test("a file that cannot be written, and it leaves nothing behind", async () => {
    const blocked = join(folder, "blocked");
    writeFileSync(blocked, "");
    const error = await rejection(ask(cassette(join(blocked, "a.json")), () => 1).run(1));
    expect([error.code, error.message]).toEqual([
      "CASSETTE_FAILED",
      expect.stringContaining("cannot be written"),
    ]);
  });
});

test("many calls at once are written together, and all are there", async () => {
  class Many extends AsyncParallelBatchNode<object, number, number> {
    override prep() {
      return Array.from({ length: 500 }, (_, at) => at);
    }
    override exec(item: number) {
      return item * 2;
    }
  }
  await new Flow(new Many({ executor: cassette(file), concurrency: 100 }), { name: "Main" }).run({});
  expect(JSON.parse(written()).calls).toHaveLength(500);
});
