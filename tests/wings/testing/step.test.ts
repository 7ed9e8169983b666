import { AsyncParallelBatchNode, chain, Flow, locate, Node, node } from "sluice";
import * as pocketflow from "sluice/pocketflow";
import { step } from "sluice/testing";
import { expect, test } from "vitest";
import { rejection } from "../../support/deferred.js";

interface Shared {
  text: string;
  words?: number;
}

class Count extends Node<Shared, string, number> {
  readonly #calls: string[];
  constructor(calls: string[], attempts = 1) {
    super({ attempts });
    this.#calls = calls;
  }
  override prep(shared: Shared) {
    this.#calls.push("prep");
    return shared.text;
  }
  override exec(text: string) {
    this.#calls.push("exec");
    if (this.#calls.length === 1) throw new Error("busy");
    return text.split(" ").length;
  }
  override post(shared: Shared, _text: string, words: number) {
    this.#calls.push("post");
    shared.words = words;
    return words > 1 ? ("long" as const) : ("short" as const);
  }
}

test("each part calls its own hook alone, with its `this`", async () => {
  const calls: string[] = [];
  const shared: Shared = { text: "a b" };
  const parts = step(new Count(calls), shared);
  const text: string = await parts.prep();
  expect([text, calls.splice(0)]).toEqual(["a b", ["prep"]]);
  expect([await parts.post("x", 1), calls.splice(0)]).toEqual(["short", ["post"]]);
  expect(shared.words).toBe(1);
  calls.push("before");
  const words: number = await parts.exec("a b c");
  expect([words, calls.splice(0)]).toEqual([3, ["before", "exec"]]);
  expect(shared.words).toBe(1);
});

test("without values the parts before are called too", async () => {
  const calls: string[] = [];
  const shared: Shared = { text: "a b" };
  const parts = step(new Count(calls), shared);
  expect([await parts.exec(), calls.splice(0)]).toEqual([2, ["prep", "exec"]]);
  expect([await parts.post(), calls]).toEqual(["long", ["prep", "exec", "post"]]);
  expect(shared.words).toBe(2);
});

test("exec has its attempts, and may be given undefined", async () => {
  const calls: string[] = [];
  expect(await step(new Count(calls, 2), { text: "" }).exec("a b")).toBe(2);
  expect(calls).toEqual(["exec", "exec"]);
  const seen: unknown[] = [];
  const any = node({ prep: () => "prepared", exec: (value: unknown) => seen.push(value) });
  await step(any, {}).exec(undefined);
  expect(seen).toEqual([undefined]);
});

test("a part rejects with what the hook throws, located", async () => {
  const error = new Error("no");
  const failing = node({ name: "Failing", exec: () => Promise.reject(error) });
  expect(await rejection(step(failing, {}).exec())).toBe(error);
  expect(locate(error)?.node).toBe("Failing");
});

test("hooks get the params and the signal of the options", async () => {
  const reads = node({ prep: (_shared: object, { params }) => params.id });
  expect(await step(reads, {}, { params: { id: 7 } }).prep()).toBe(7);
  const reason = new Error("enough");
  expect(await rejection(step(reads, {}, { signal: AbortSignal.abort(reason) }).prep())).toBe(reason);
});

test("exec of a batch is given items and gives results; exec of a flow is its walk", async () => {
  class Double extends AsyncParallelBatchNode<{ sum?: number }, number, number> {
    override prep() {
      return [1];
    }
    override exec(item: number) {
      return item * 2;
    }
    override post(shared: { sum?: number }, _items: unknown, results: number[]) {
      shared.sum = results.reduce((a, b) => a + b, 0);
    }
  }
  const shared: { sum?: number } = {};
  const parts = step(new Double(), shared);
  expect(await parts.prep()).toEqual([1]);
  expect(await parts.exec([2, 3])).toEqual([4, 6]);
  await parts.post([], [1, 1]);
  expect(shared.sum).toBe(2);
  const log: string[] = [];
  const says = (name: string) => node({ name, post: () => void log.push(name) });
  const flow = new Flow(chain(says("a"), says("b")));
  await step(flow, {}).exec();
  expect(log).toEqual(["a", "b"]);
});

test("no link is followed, and none is warned of", async () => {
  const log: string[] = [];
  const first = node({ post: () => void log.push("first") });
  first.next(node({ post: () => void log.push("second") }));
  await step(first, {}).post();
  expect(log).toEqual(["first"]);
});

test("a node of PocketFlow has the same parts", async () => {
  const echo = Object.assign(new pocketflow.Node(2), {
    prep: async () => "p",
    exec: async (value: unknown) => `${value}!`,
  });
  const parts = step(echo, {});
  expect([await parts.prep(), await parts.exec(), await parts.exec("q")]).toEqual(["p", "p!", "q!"]);
});
