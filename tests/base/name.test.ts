// A class may make anything of its `name`. Each error, event and diagram stays readable, watched or not.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  Flow,
  Gate,
  locate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { toJSON, toMermaid } from "sluice/diagram";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const field = (value: unknown): PropertyDescriptor => ({ value, configurable: true });
const names: Record<string, PropertyDescriptor> = {
  undefined: field(undefined),
  null: field(null),
  "an empty string": field(""),
  "a number": field(3),
  "a symbol": field(Symbol("x")),
  "an object that cannot be shown": field(Object.create(null)),
  "a method": field(() => "x"),
  "a getter that throws": {
    get() {
      throw new Error("the getter of name was called");
    },
    configurable: true,
  },
};

class Step extends Node {}
const named = <T extends object>(target: T, name: PropertyDescriptor): T =>
  Object.defineProperty(target, "name", name);
const failing = (name: PropertyDescriptor) =>
  named(
    Object.assign(new Step(), {
      exec: () => {
        throw new Error("boom");
      },
    }),
    name,
  );

/** A failure of each kind whose words name a node, and its code. */
const failures: Record<string, [code: string, (name: PropertyDescriptor) => Flow]> = {
  "a missing key": ["MISSING_KEYS", (name) => new Flow(named(new Step({ requires: ["a"] }), name))],
  "a number as action": [
    "INVALID_ACTION",
    (name) => new Flow(named(Object.assign(new Step(), { post: () => 1 }), name)),
  ],
  "an unlinked action": [
    "UNKNOWN_ACTION",
    (name) => {
      const step = named(Object.assign(new Step(), { post: () => "x" }), name);
      (step as Node).on("y", node({}));
      return new Flow(step, { strict: true });
    },
  ],
  "a timeout": [
    "TIMEOUT",
    (name) =>
      new Flow(named(Object.assign(new Step({ timeout: 2 }), { exec: () => new Promise(() => {}) }), name)),
  ],
  "a cost": [
    "INVALID_COST",
    (name) => {
      const gate = new Gate({ rate: { tokens: 100, per: 1_000 } });
      return new Flow(named(Object.assign(new Step({ gate }), { cost: () => -1 }), name));
    },
  ],
  "a backoff": [
    "INVALID_OPTION",
    (name) =>
      new Flow(
        named(
          Object.assign(new Step({ attempts: 2, backoff: () => -1 }), {
            exec: () => Promise.reject(new Error("no")),
          }),
          name,
        ),
      ),
  ],
  "no items": [
    "NOT_ITERABLE",
    (name) => {
      class Step extends BatchNode {}
      return new Flow(named(Object.assign(new Step(), { prep: () => 5 }), name));
    },
  ],
  "wrong params": [
    "INVALID_PARAMS",
    (name) => {
      class Step extends BatchFlow {}
      return named(Object.assign(new Step(node({})), { prep: () => [1] }), name);
    },
  ],
  "too many steps": [
    "MAX_STEPS",
    (name) => {
      const step = named(new Step(), name);
      step.next(step);
      return new Flow(step);
    },
  ],
};

describe.for(Object.keys(names))("a name that is %s", (kind) => {
  const name = names[kind] as PropertyDescriptor;

  test.for(Object.keys(failures))("leaves the error of %s readable, under each watcher", async (failure) => {
    const [code, make] = failures[failure]!;
    for (const [watcher, run] of Object.entries(watchers)) {
      const error = await rejection(run(make(name), {}, { maxSteps: 20 }));
      expect(error, watcher).toBeInstanceOf(SluiceError);
      expect(error, watcher).toMatchObject({ code, message: expect.stringContaining('"Step"') });
      expect(locate(error)?.node, watcher).toBe("Step");
    }
  });

  test("leaves the location of a user's error readable, in flows and iterations too", async () => {
    class Main extends AsyncParallelBatchFlow {}
    for (const [watcher, run] of Object.entries(watchers)) {
      const main = named(Object.assign(new Main(failing(name)), { prep: () => [{}] }), name);
      const outer = named(new Flow(main), name);
      const error = await rejection(run(outer, {}));
      expect(error, watcher).toMatchObject({ message: "boom" });
      expect(locate(error), watcher).toMatchObject({
        path: ["Flow", "Main", 0, "Step"],
        node: "Step",
        flow: "Main",
      });
    }
  });

  test("leaves the errors of wiring readable", () => {
    const step = named(new Step(), name);
    expect(() => step.next({} as Node)).toThrow('"Step".on(): expected a node');
    expect(() => step.on("", step)).toThrow('"Step".on(): expected an action');
    expect(() => step.branch(1 as never)).toThrow('"Step".branch(): expected');
    const wrong = named(Object.assign(new Step(), { execAsync() {} }), name);
    expect(() => new Flow(wrong)).toThrow('"Step" defines `execAsync`');
  });

  test("leaves the errors of branches readable", async () => {
    const both = named(parallel([failing(name), failing(name)], { until: "any" }), name);
    const error = await rejection(new Flow(both).run({}));
    expect(error).toMatchObject({ message: 'All 2 branches of "parallel" failed' });
  });

  test("leaves process warnings readable", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const step = named(new Step(), name);
    step.next(node({}));
    step.next(node({}));
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      '"Step": the link of the action "default" is overwritten',
    ]);
  });

  test("is the class name in diagrams, and the name of the options where there is one", () => {
    const first = named(new Step(), name);
    first.next(named(new Step({ name: "Second" }), name));
    const flow = named(new Flow(first), name);
    expect(toJSON(flow).nodes.map((each) => each.name)).toEqual(["Flow", "Step", "Second"]);
    expect(toMermaid(flow)).toContain("Second");
  });
});

test("an item's failure in a fan-out names the class", async () => {
  class Step extends AsyncParallelBatchNode {
    override name = undefined as never;
    override prep() {
      return [1];
    }
    override exec(): never {
      throw new Error("boom");
    }
  }
  expect(locate(await rejection(new Step().run({})))).toMatchObject({
    path: ["Step"],
    node: "Step",
    item: 0,
  });
});
