// recordTrace with values: what is kept of a run, what is not, and that the run is the same.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, type Context, Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { recordTrace, type TraceLine, type TraceOptions } from "sluice/trace";
import { describe, expect, test } from "vitest";
import type { RunModel } from "../../../src/view/model/run-model.js";
import { TraceModel } from "../../../src/view/model/trace-model.js";
import { hasModes, isPrivate } from "../../support/system.js";
import { linesOf, scratch } from "../../support/traced-flows.js";

const folder = scratch();

async function record<S extends object>(flow: Flow<S>, shared: S, options: TraceOptions = { values: true }) {
  const trace = recordTrace(join(folder, "values.jsonl"), options);
  const action = await flow.run(shared, { events: trace.events }).catch((error: unknown) => error);
  await trace.close();
  const text = readFileSync(trace.path, "utf8");
  const model = new TraceModel();
  for (const line of text.trimEnd().split("\n")) expect(model.add(line)).toBeUndefined();
  return { action, text, lines: linesOf(trace.path), run: model.runs[0] as RunModel };
}
const of = (lines: readonly TraceLine[], type: string) => lines.filter((line) => line.type === type);
const spanOf = (run: RunModel, name: string) => run.root.children.find(({ node }) => node.name === name)!;

interface Chat {
  topic?: string;
  history: string[];
  answer?: string;
}

/** Two steps that add to, change and delete keys; the first is tried twice. */
function chat(): Flow<Chat> {
  const ask = node({
    name: "Ask",
    attempts: 2,
    prep: ({ topic, history }: Chat) => ({ topic, turns: history.length }),
    exec: async ({ topic }, { attempt, emit, charge }) => {
      await emit(`attempt ${attempt}`);
      charge(10 + attempt);
      if (attempt === 0) throw new Error("no answer");
      return `all about ${topic}`;
    },
    post: (shared, _prepared, answer) => {
      shared.history.push(answer);
      shared.answer = answer;
    },
  });
  const forget = node({
    name: "Forget",
    post: (shared: Chat) => {
      delete shared.topic;
    },
  });
  ask.next(forget);
  return new Flow(ask, { name: "Chat" });
}

describe("a step", () => {
  test("has what prep gave, what post got, and what it changed in the store by key", async () => {
    const { lines, run } = await record(chat(), { topic: "sluices", history: ["hello"] });
    const values = of(lines, "values").map(({ parent, prep, result, store }) => ({
      parent,
      prep,
      result,
      store,
    }));
    const ask = spanOf(run, "Ask");
    expect(values.filter(({ parent }) => parent === ask.id)).toEqual([
      { parent: ask.id, store: { id: 1, when: "before", set: { topic: "sluices", history: ["hello"] } } },
      { parent: ask.id, prep: { topic: "sluices", turns: 1 } },
      { parent: ask.id, result: "all about sluices" },
      {
        parent: ask.id,
        store: {
          id: 1,
          when: "post",
          set: { history: ["hello", "all about sluices"], answer: "all about sluices" },
        },
      },
    ]);
    expect([ask.input, ask.result]).toEqual([
      { value: { topic: "sluices", turns: 1 } },
      { value: "all about sluices" },
    ]);
    const forgot = run.stores.of(spanOf(run, "Forget"));
    expect(forgot?.changes).toEqual([{ key: "topic", when: "post", before: "sluices", after: undefined }]);
    expect([...(forgot?.before.keys() ?? [])]).toEqual(["topic", "history", "answer"]);
    expect([...(forgot?.after.keys() ?? [])]).toEqual(["history", "answer"]);
    expect(run.stores.of(run.root)?.changes.map(({ key }) => key)).toEqual(["history", "answer", "topic"]);
  });

  test("has each attempt's data and error, and the calls and tokens that were charged", async () => {
    const { run } = await record(chat(), { topic: "sluices", history: [] });
    const ask = spanOf(run, "Ask");
    expect(ask.children.map(({ data, error }) => [data.map(({ value }) => value), error?.message])).toEqual([
      [["attempt 0"], "no answer"],
      [["attempt 1"], undefined],
    ]);
    expect([ask.calls, ask.tokens, run.calls, run.tokens, ask.node.stats.tokens]).toEqual([
      3 - 1,
      21,
      3,
      21,
      21,
    ]);
  });

  test("that fails has what it changed before that", async () => {
    const fails = node({
      name: "Fails",
      post: (shared: { n: number }) => {
        shared.n++;
        throw new Error("after the change");
      },
    });
    const { run } = await record(new Flow(fails, { name: "Main" }), { n: 1 });
    expect(run.stores.of(spanOf(run, "Fails"))?.changes).toEqual([
      { key: "n", when: "post", before: 1, after: 2 },
    ]);
  });
});

describe("items and iterations", () => {
  class Double extends AsyncParallelBatchNode<{ sum: number }, number, number, "collect"> {
    constructor() {
      super({ name: "Double", onError: "collect", concurrency: 1 });
    }
    override *prep() {
      yield* [1, 2, 3];
    }
    override exec(n: number) {
      if (n === 2) throw new Error("not two");
      return n * 2;
    }
    override onResult(shared: { sum: number }, result: unknown) {
      if (typeof result === "number") shared.sum += result;
    }
  }

  test("have what they were given and what they came to; what items did to the store is before post", async () => {
    const shared = { sum: 0 };
    const { run } = await record(new Flow(new Double() as never, { name: "Main" }), shared);
    const step = spanOf(run, "Double");
    expect(step.children.map(({ input, result }) => [input?.value, result?.value])).toEqual([
      [1, 2],
      [2, undefined],
      [3, 6],
    ]);
    expect(run.stores.of(step)?.changes).toEqual([{ key: "sum", when: "exec", before: 0, after: 8 }]);
    expect(shared).toEqual({ sum: 8 });
  });

  test("of a flow that forks have stores of their own", async () => {
    class Each extends AsyncParallelBatchFlow<{ n: number; all?: number[] }, { add: number }> {
      override prep() {
        return [{ add: 1 }, { add: 2 }];
      }
      override fork(shared: { n: number }) {
        return { n: shared.n };
      }
      override join(shared: { all?: number[] }, _params: object, local: { n: number }) {
        shared.all = [...(shared.all ?? []), local.n];
      }
    }
    const add = node({
      name: "Add",
      post: (shared: { n: number }, _p, _e, { params }: Context) => {
        shared.n += (params as { add: number }).add;
      },
    });
    const { run } = await record(new Flow(new Each(add, { name: "Each" }) as never, { name: "Main" }), {
      n: 10,
    });
    const each = spanOf(run, "Each");
    expect(each.children.map(({ input }) => input?.value)).toEqual([{ add: 1 }, { add: 2 }]);
    const steps = each.children.flatMap(({ children }) => children.filter(({ kind }) => kind === "step"));
    expect(steps.map((step) => run.stores.of(step)?.changes[0]?.after)).toEqual([11, 12]);
    expect(run.stores.of(each)?.changes).toEqual([
      { key: "all", when: "exec", before: undefined, after: [11, 12] },
    ]);
  });
});

describe("what is kept", () => {
  const secret = "hunter2";
  const leaks = () =>
    new Flow(
      node({
        name: "Login",
        prep: (shared: { password: string }) => ({ login: { password: shared.password } }),
        exec: async ({ login }, { emit }) => {
          await emit({ password: login.password });
          throw new Error(`wrong password ${login.password}`, { cause: new Error(login.password) });
        },
      }),
      { name: "Main" },
    );

  test("is nothing of it without the option", async () => {
    const { text } = await record(chat(), { topic: "sluices", history: [] }, {});
    expect(text).not.toMatch(/sluices|"values"|"usage"/);
  });

  test.runIf(hasModes)("may be read by its owner only", async () => {
    await record(chat(), { history: [] });
    expect(isPrivate(join(folder, "values.jsonl"))).toBe(true);
  });

  test("is what redact gives, wherever the value is, and nothing where it throws", async () => {
    const paths: string[] = [];
    const hide = (path: readonly (string | number)[], value: unknown) => {
      paths.push(path.join("."));
      return path.at(-1) === "password" || (path[0] === "error" && String(value).includes(secret))
        ? "***"
        : value;
    };
    const { text } = await record(leaks(), { password: secret }, { values: true, redact: hide });
    expect(text).toContain("***");
    expect(text).not.toContain(secret);
    expect(paths).toEqual(
      expect.arrayContaining([
        "store.password",
        "prep",
        "prep.login",
        "prep.login.password",
        "data.password",
        "error.message",
      ]),
    );
    const broken = () => {
      throw new Error("no");
    };
    const { text: none } = await record(leaks(), { password: secret }, { values: true, redact: broken });
    expect(none).toContain("[redact failed]");
    expect(none).not.toContain(secret);
  });

  test("is cut at the limit, for each value and each key", async () => {
    const long = node({
      name: "Long",
      prep: () => "p".repeat(5_000),
      post: (shared: { text?: string }) => {
        shared.text = "s".repeat(5_000);
      },
    });
    const { lines } = await record(new Flow(long, { name: "Main" }), {}, { values: true, limit: 100 });
    for (const line of lines) expect(JSON.stringify({ ...line, graph: undefined }).length).toBeLessThan(500);
    expect(JSON.stringify(lines)).toMatch(/p{90,}… \[\d+ more letters\]/);
  });

  test.each([
    [{ values: 1 }, /values.*true or false/],
    [{ redact: "x" }, /redact.*a function/],
    [{ limit: 0 }, /limit.*integer/],
  ])("is not begun with %j", (options, message) => {
    expect(() => recordTrace(join(folder, "never.jsonl"), options as never)).toThrow(message);
  });
});

describe("a run with values", () => {
  test("is the run that it is without, with a store that cannot be read, and with an async prep", async () => {
    const hostile = new Proxy(
      { n: 0 },
      {
        ownKeys() {
          throw new Error("no keys for you");
        },
      },
    );
    const add = node({
      name: "Add",
      prep: async (shared: { n: number }) => shared.n,
      post: (shared, n) => {
        shared.n = n + 1;
        return "done";
      },
    });
    add.end("done");
    const { action } = await record(new Flow(add, { name: "Main" }), hostile);
    expect([action, hostile.n]).toEqual(["done", 1]);
  });

  test("lets nothing in between a post and the next prep", async () => {
    const order: string[] = [];
    const step = (name: string) =>
      node({
        name,
        prep: () => void order.push(`prep ${name}`),
        post: () => void order.push(`post ${name}`),
      });
    const flow = (name: string) => {
      const first = step(`${name}1`);
      first.next(step(`${name}2`));
      return new Flow(first, { name });
    };
    const trace = recordTrace(join(folder, "order.jsonl"), { values: true });
    await Promise.all(["A", "B"].map((name) => flow(name).run({}, { events: trace.events })));
    await trace.close();
    for (const name of ["A", "B"]) expect(order[order.indexOf(`post ${name}1`) + 1]).toBe(`prep ${name}2`);
  });

  test("goes on from its journal, and a stream records as well", async () => {
    const journal = await openJournal(":memory:");
    let broken = true;
    const make = () => {
      const first = node({ name: "First", post: (shared: { n?: number }) => void (shared.n = 1) });
      first.next(
        node({
          name: "Second",
          prep: (shared: { n?: number }) => shared.n,
          exec: () => {
            if (broken) throw new Error("down");
            return "up";
          },
        }),
      );
      return new Flow(first, { name: "Main" });
    };
    const trace = recordTrace(join(folder, "journal.jsonl"), { values: true });
    const options = { journal, runId: "r", events: trace.events };
    await expect(make().run({}, options)).rejects.toThrow("down");
    broken = false;
    for await (const _event of make().stream({}, options));
    await trace.close();
    await journal.close();
    const model = new TraceModel();
    for (const line of readFileSync(trace.path, "utf8").trimEnd().split("\n")) model.add(line);
    const [first, second] = model.runs as [RunModel, RunModel];
    expect(first.stores.of(spanOf(first, "First"))?.changes.map(({ key }) => key)).toEqual(["n"]);
    expect(spanOf(second, "Second").result).toEqual({ value: "up" });
  });
});
