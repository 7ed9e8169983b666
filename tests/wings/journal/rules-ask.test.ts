import { AsyncParallelBatchNode, chain, Flow, node, parallel } from "sluice";
import { SuspendedError } from "sluice/journal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { decode } from "../../../src/wings/shared/plain-data.js";
import { inWords, sized } from "../../support/size.js";
import { randomOf } from "./support/random-flows.js";
import { codeOf, Started, type Store } from "./support/started.js";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
beforeEach(() => void vi.spyOn(process, "emitWarning").mockImplementation(() => {}));
afterEach(() => vi.restoreAllMocks());

type Ask = <Answer>(question: unknown, options?: object) => Promise<Answer>;
/** A flow of one node that asks, after one that must not run again. */
function asking(exec: (ask: Ask) => unknown, calls: string[] = [], options: object = {}) {
  const before = node({ name: "Before", exec: () => void calls.push("before") });
  const asks = node({
    name: "Asks",
    ...options,
    exec: async (_none: undefined, { ask }) => {
      calls.push("exec");
      return exec(ask as Ask);
    },
    post: (shared: Store, _none, answer) => void (shared.answer = answer),
  });
  return new Flow<Store>(chain(before, asks as never) as never, { name: "Main" });
}
const suspended = async (started: Started, flow: Flow<Store>, options: object = {}) => {
  const error = await started.failure(flow, {}, options);
  if (!(error instanceof SuspendedError)) throw error;
  return error;
};
const tokenOf = ({ questions }: SuspendedError, at = 0) => questions[at]?.token as string;

test("a question sets the run aside, and with its answer exec runs again from its top", async () => {
  const started = new Started();
  const calls: string[] = [];
  const flow = () => asking((ask) => ask({ draft: 1 }), calls);
  const error = await suspended(started, flow());
  expect([error.count, error.questions]).toEqual([
    1,
    [
      {
        token: expect.stringMatching(/^[0-9a-f]{32}$/),
        question: { draft: 1 },
        path: ["Main", "Asks"],
        index: undefined,
      },
    ],
  ]);
  expect(started.state).toBe("suspended");
  expect(tokenOf(await suspended(started, flow()))).toBe(tokenOf(error));
  await started.journal.answer(tokenOf(error), { ok: true });
  await expect(started.journal.answer(tokenOf(error), 2)).rejects.toMatchObject({
    code: "QUESTION_ANSWERED",
  });
  await expect(started.journal.answer("nonsense", 2)).rejects.toMatchObject({ code: "QUESTION_UNKNOWN" });
  expect((await started.run(flow())).store).toEqual({ answer: { ok: true } });
  expect(calls).toEqual(["before", "exec", "exec", "exec"]);
});

test("the order distinguishes several questions of one exec", async () => {
  const started = new Started();
  const flow = () =>
    asking(async (ask) => [await ask("first"), ...(await Promise.all([ask("second"), ask("third")]))]);
  const first = await suspended(started, flow());
  await started.journal.answer(tokenOf(first), 1);
  const both = await suspended(started, flow());
  expect(both.questions.map(({ question }) => question)).toEqual(["second", "third"]);
  await started.journal.answer(tokenOf(both, 1), 3);
  const second = await suspended(started, flow());
  await started.journal.answer(tokenOf(second), 2);
  expect((await started.run(flow())).store).toEqual({ answer: [1, 2, 3] });
});

test("whatever an exec makes of a question that has no answer is not taken", async () => {
  for (const swallow of [
    (ask: Ask) => ask("q").catch(() => "made up"),
    (ask: Ask) => ask("q").catch(() => Promise.reject(new Error("own"))),
  ]) {
    const started = new Started();
    const flow = () => asking(swallow, [], { attempts: 3, execFallback: () => "fallback" });
    await started.journal.answer(tokenOf(await suspended(started, flow())), "yes");
    expect((await started.run(flow())).store).toEqual({ answer: "yes" });
  }
});

test.each([
  ["ms", () => 15],
  ["a Date", () => new Date(Date.now() + 15)],
])("a question that expires, in %s, fails its exec", async (_what, expires) => {
  const started = new Started();
  const at = expires();
  const flow = () =>
    asking((ask) => ask("q", { expires: at }), [], {
      execFallback: (_none: undefined, error: unknown) => codeOf(error),
    });
  const error = await suspended(started, flow());
  await sleep(20);
  await expect(started.journal.answer(tokenOf(error), 1)).rejects.toMatchObject({ code: "ASK_EXPIRED" });
  expect((await started.run(flow())).store).toEqual({ answer: "ASK_EXPIRED" });
});

test("an answer that does not fit its schema opens the question again, with the same token", async () => {
  const started = new Started();
  const flow = () => asking((ask) => ask("how many?", { schema: z.number() }));
  const first = await suspended(started, flow());
  await started.journal.answer(tokenOf(first), "many");
  const again = await suspended(started, flow());
  expect(tokenOf(again)).toBe(tokenOf(first));
  await started.journal.answer(tokenOf(again), 3);
  expect((await started.run(flow())).store).toEqual({ answer: 3 });
});

const asks = (name: string) => node({ name, exec: (_none: undefined, { ask }) => ask(name) });

test("a question is withdrawn when its branch loses, and when its walk is tried again", async () => {
  const started = new Started();
  let isBroken = true;
  const wins = node({ name: "Wins", exec: () => sleep(5) });
  const end = node({
    name: "End",
    exec: () => {
      if (isBroken) throw new Error("down");
    },
  });
  const flow = () =>
    new Flow<Store>(
      chain(parallel([asks("Loses"), wins], { until: "any", name: "Race" }) as never, end) as never,
      { name: "Main" },
    );
  await started.failure(flow());
  expect(started.driver.questions()).toEqual([]);
  isBroken = false;
  await started.run(flow());

  const second = new Started();
  expect(await leftByFirstWalk(second)).toEqual(["Main/Inner#2!2/Both|Left"]);
});

test("a question of a walk that is tried again is withdrawn where no checkpoint is due", async () => {
  const started = new Started();
  const { driver } = started;
  const commit = driver.commit.bind(driver);
  // After 20 ms of writing none is due for 400 ms, in which the first walk fails and the second one asks.
  driver.commit = (...changes: Parameters<typeof commit>) => {
    const end = performance.now() + 20;
    while (performance.now() < end);
    return commit(...changes);
  };
  expect(await leftByFirstWalk(started)).toEqual(["Main/Inner#2!2/Both|Left"]);
});

/** Keys of the questions that are open when a walk has failed, and its second attempt has been set aside. */
async function leftByFirstWalk(started: Started): Promise<string[]> {
  let walks = 0;
  const fails = node({
    name: "Fails",
    exec: async () => {
      await sleep(10);
      if (++walks === 1) throw new Error("first");
    },
  });
  const inner = () =>
    new Flow(parallel([asks("Left"), fails], { name: "Both" }), { name: "Inner", attempts: 2 });
  // Its checkpoint knows what a commit costs.
  const first = node({ name: "First", exec: () => sleep(1) });
  const error = await suspended(
    started,
    new Flow<Store>(chain(first, inner() as never) as never, { name: "Main" }),
  );
  expect(error.count).toBe(1);
  return started.driver.questions().map(({ key }) => key);
}

test("a question can be answered in place: the slot is kept, and the timeout stands still", async () => {
  const started = new Started();
  const tokens: string[] = [];
  const ask = async ({ token, question }: { token: string; question: unknown }) => {
    tokens.push(token);
    await sleep(30);
    return `${question}!`;
  };
  const flow = () => asking((ask) => ask("hello"), [], { timeout: 20 });
  expect((await started.run(flow(), {}, { ask })).store).toEqual({ answer: "hello!" });
  expect(tokens).toHaveLength(1);
  const store: Store = {};
  await flow().run(store, { ask });
  expect(store).toEqual({ answer: "hello!" });
  await expect(flow().run({})).rejects.toMatchObject({ code: "NOBODY_TO_ASK" });
});

test("an answer in place that does not fit is a failure, and the question is asked again", async () => {
  const answers = ["many", 3];
  const flow = asking((ask) => ask("how many?", { schema: z.number() }), [], {
    attempts: 2,
    retryIf: () => true,
  });
  expect((await new Started().run(flow, {}, { ask: async () => answers.shift() })).store).toEqual({
    answer: 3,
  });
});

class Approvals extends AsyncParallelBatchNode<Store, number, string> {
  readonly #calls: number[];
  readonly #most: number;
  constructor(most: number, calls: number[]) {
    super({ name: "Approvals", concurrency: 16 });
    this.#calls = calls;
    this.#most = most;
  }
  override prep() {
    return Array.from({ length: this.#most }, (_each, n) => n);
  }
  override async exec(n: number, { ask }: { ask: unknown }): Promise<string> {
    await sleep(n % 3);
    const answer = await (ask as Ask)<string>(n);
    this.#calls.push(n);
    return `${n} ${answer}`;
  }
  override post(shared: Store, _items: number[], results: string[]) {
    shared.results = results;
    return undefined;
  }
}

test("SUSPENDED lists up to 100 questions, and says how many there are", async () => {
  const error = await suspended(new Started(), new Flow<Store>(new Approvals(130, []), { name: "Main" }));
  expect([error.questions.length, error.count]).toEqual([100, 130]);
});

test("200 approvals answered in random order, while some are still being asked, reach each its item", async () => {
  const started = new Started();
  const random = randomOf(7);
  const calls: number[] = [];
  const before = { calls: 0 };
  const first = node({ name: "Before", exec: () => void before.calls++ });
  const flow = () =>
    new Flow<Store>(chain(first, new Approvals(200, calls) as never) as never, { name: "Main" });
  const asked = new Map<string, unknown>();
  const answer = async () => {
    const open = started.driver
      .questions()
      .filter(({ answer, token }) => answer === null && random() < 0.4 && !asked.has(token));
    open.sort(() => random() - 0.5);
    for (const { token, question } of open) {
      asked.set(token, question);
      await started.journal.answer(token, `yes ${decode(question)}`);
    }
  };
  for (;;) {
    const timer = setInterval(() => void answer(), 1);
    const ended = await started.run(flow()).catch((error) => error);
    clearInterval(timer);
    if (!(ended instanceof SuspendedError)) {
      expect(ended.store.results).toEqual(Array.from({ length: 200 }, (_each, n) => `${n} yes ${n}`));
      break;
    }
    if (random() < 0.3) started.kill();
    await answer();
  }
  expect(asked.size).toBe(200);
  expect(calls.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_each, n) => n));
  expect(before.calls).toBe(1);
});

const TIMES = sized(1_000, 100);
test(`an answer that arrives while the run is being set aside is not lost, ${inWords(TIMES)} times`, async () => {
  let inside = 0;
  for (let n = 0; n < TIMES; n++) {
    const started = new Started();
    const settle = started.driver.settle.bind(started.driver);
    Object.assign(started.driver, {
      settle: async (...args: Parameters<typeof settle>) => {
        for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
        return settle(...args);
      },
    });
    const flow = () => asking((ask) => ask("q"));
    const running = started.run(flow()).catch((error) => error);
    let open = started.driver.questions();
    for (let turn = 0; open.length === 0; turn++) {
      await (turn % 2 === n % 2 ? undefined : new Promise((resolve) => setImmediate(resolve)));
      open = started.driver.questions();
    }
    for (let turns = n % 12; turns > 0; turns--) await undefined;
    await started.journal.answer(open[0]?.token as string, "yes");
    const ended = await running;
    if (ended instanceof SuspendedError) expect((await started.run(flow())).store).toEqual({ answer: "yes" });
    else {
      expect(ended.store).toEqual({ answer: "yes" });
      inside++;
    }
  }
  expect(inside).toBeGreaterThan(0);
});

test("an answer that no call reaches does not keep the run from being set aside", async () => {
  const started = new Started();
  const calls: number[] = [];
  const flow = (concurrency: number) => {
    return new Flow<Store>(concurrency === 1 ? new OneByOne() : new Approvals(2, calls), { name: "Main" });
  };
  class OneByOne extends AsyncParallelBatchNode<Store, number, string> {
    constructor() {
      super({ name: "Approvals", concurrency: 1 });
    }
    override prep() {
      return [0, 1];
    }
    override async exec(n: number, { ask }: { ask: unknown }) {
      return (ask as Ask)<string>(n);
    }
  }
  const both = await suspended(started, flow(16));
  await started.journal.answer(tokenOf(both, 1), "second");
  const error = await suspended(started, flow(1));
  expect(error.questions.map(({ question }) => question)).toEqual([0]);
});
