// The walk: the order of hooks, the turns in which they are called, and how it ends.
import { AsyncParallelBatchFlow, chain, Flow, locate, node, parallel } from "sluice";
import { expect, test } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";
import { inNoTime } from "../support/in-no-time.js";

interface Shared {
  log: string[];
}
const logs = (name: string, action?: string) =>
  node({
    name,
    prep: (shared: Shared) => void shared.log.push(`${name}.prep`),
    post: (shared: Shared) => {
      shared.log.push(`${name}.post`);
      return action;
    },
  });
const store = (): Shared => ({ log: [] });

test("with sync hooks all is done before run() returns, nested flows and their ends too", async () => {
  const shared = store();
  const inner = new Flow(chain(logs("a"), logs("b")), { name: "Inner" });
  const flow = new Flow(chain(logs("first"), inner, logs("last")));
  const run = inNoTime(() => flow.run(shared));
  expect(shared.log.map((line) => line.split(".")[0])).toEqual([
    "first",
    "first",
    "a",
    "a",
    "b",
    "b",
    "last",
    "last",
  ]);
  expect(await run).toBeUndefined();
});

test("between a post and the next prep, down into a nested flow, no other walk's hook is called", async () => {
  const shared = store();
  const step = (name: string) =>
    node({
      name,
      prep: (own: Shared, { params }) => void own.log.push(`${params.walk} ${name}.prep`),
      exec: () => turn(),
      post: (own: Shared, _prepared, _result, { params }) => void own.log.push(`${params.walk} ${name}.post`),
    });
  const start = chain(step("a"), new Flow(new Flow(step("b"))), step("c"));
  const each = Object.assign(new AsyncParallelBatchFlow<Shared>(start), {
    prep: () => [{ walk: 0 }, { walk: 1 }, { walk: 2 }],
  });
  await each.run(shared);
  expect(shared.log).toHaveLength(18);
  for (const [at, line] of shared.log.entries()) {
    const [walk, hook] = line.split(" ");
    const next = { "a.post": "b.prep", "b.post": "c.prep" }[hook as string];
    if (next !== undefined) expect(shared.log[at + 1]).toBe(`${walk} ${next}`);
  }
});

test("an action that is declared as an end ends the flow with it, as one that is missing does", async () => {
  const first = logs("first", "stop");
  first.end("stop");
  expect(await new Flow(first).run(store())).toBe("stop");
  expect(await new Flow(logs("first", "other")).run(store())).toBe("other");
});

test.each([[undefined], [null], [""]])(
  "%o follows the default link, and run() gives the last one as it was",
  async (none) => {
    const shared = store();
    const first = node({ post: (_shared: Shared) => none as undefined });
    first.next(logs("second"));
    await new Flow(first).run(shared);
    expect(shared.log).toEqual(["second.prep", "second.post"]);
    expect(await new Flow(node({ post: () => none as undefined })).run({})).toBe(none);
  },
);

test("an exec that ends well after an abort is half an answer: post is not called", async () => {
  const controller = new AbortController();
  const shared = store();
  const begun = deferred();
  const half = node({
    exec: (_input: unknown, { signal }) =>
      new Promise<string>((resolve) => {
        begun.resolve();
        signal.addEventListener("abort", () => resolve("half"));
      }),
    post: (own: Shared) => void own.log.push("post"),
  });
  const run = new Flow(half).run(shared, { signal: controller.signal });
  await begun.promise;
  controller.abort("enough");
  expect(await rejection(run)).toBe("enough");
  await turn();
  expect(shared.log).toEqual([]);
});

test("an abort by a sync exec keeps its own post from being called", async () => {
  const controller = new AbortController();
  const shared = store();
  const stops = node({
    exec: () => controller.abort("enough"),
    post: (own: Shared) => void own.log.push("post"),
  });
  expect(await rejection(new Flow(stops).run(shared, { signal: controller.signal }))).toBe("enough");
  expect(shared.log).toEqual([]);
});

test.each(["prep", "exec", "post"] as const)(
  "a %s that throws ends the walk with its error, and its place",
  async (hook) => {
    for (const fails of [
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
    ]) {
      const shared = store();
      const wrong = node({ name: "Wrong", [hook]: fails });
      wrong.next(logs("never"));
      const error = await rejection(new Flow(wrong, { name: "Main" }).run(shared));
      expect(error).toMatchObject({ message: "no" });
      expect(locate(error)).toMatchObject({ path: ["Main", "Wrong"], flow: "Main", node: "Wrong" });
      expect(shared.log).toEqual([]);
    }
  },
);

test("steps are counted over nested flows, iterations and branches, and the one too many is not begun", async () => {
  const shared = store();
  const whole = () => {
    const each = Object.assign(new AsyncParallelBatchFlow<Shared>(logs("each")), { prep: () => [{}, {}] });
    return new Flow(chain(logs("first"), parallel([logs("x"), logs("y")]), each, logs("last")));
  };
  await whole().run(shared, { maxSteps: 8 }); // first, parallel, x, y, each, two iterations, last
  expect(shared.log.at(-1)).toBe("last.post");
  const short = store();
  expect(await rejection(whole().run(short, { maxSteps: 7 }))).toMatchObject({ code: "MAX_STEPS" });
  expect(short.log).not.toContain("last.prep");
});
