// A method one slip away from a hook is an error at wiring, for otherwise it would never be called, in silence.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  chain,
  Flow,
  Node,
  node,
  parallel,
  type SluiceError,
} from "sluice";
import { describe, expect, test } from "vitest";

const leaf = () => node({});
const makers = {
  Node: [() => new Node(), ["prep", "exec", "execFallback", "post", "cost"]],
  BatchNode: [() => new BatchNode(), ["prep", "exec", "execFallback", "post", "cost", "onResult"]],
  AsyncParallelBatchNode: [
    () => new AsyncParallelBatchNode(),
    ["prep", "exec", "execFallback", "post", "cost", "onResult"],
  ],
  Flow: [() => new Flow(leaf()), ["prep", "execFallback", "post", "cost"]],
  BatchFlow: [
    () => new BatchFlow(leaf()),
    ["prep", "execFallback", "post", "cost", "onResult", "fork", "join"],
  ],
  AsyncParallelBatchFlow: [
    () => new AsyncParallelBatchFlow(leaf()),
    ["prep", "execFallback", "post", "cost", "onResult", "fork", "join"],
  ],
  Parallel: [() => parallel([leaf()]), ["prep", "post"]],
} as const satisfies Record<string, readonly [() => BaseNode, readonly string[]]>;
const classes = { Node, BatchNode, AsyncParallelBatchNode, Flow, BatchFlow, AsyncParallelBatchFlow } as const;

/** One letter more, less, other, two swapped, and other cases. */
const slipsOf = (hook: string): string[] => [
  `${hook}x`,
  `_${hook}`,
  hook.slice(1),
  `${hook.slice(0, 2)}${hook.slice(3)}`,
  `${hook.slice(0, 2)}z${hook.slice(3)}`,
  `${hook.slice(0, -2)}${hook.at(-1)}${hook.at(-2)}`,
  hook.toUpperCase(),
  `${hook[0]!.toUpperCase()}${hook.slice(1)}`,
];
const refusal = (work: () => unknown): SluiceError => {
  try {
    work();
  } catch (error) {
    return error as SluiceError;
  }
  throw new Error("Expected an error");
};
const WALKS = new Set<unknown>([Flow, BatchFlow, AsyncParallelBatchFlow]);
const words = ["cot", "pot", "pst"]; // slips of two hooks, or words of their own

describe.for(Object.entries(makers))("in a %s", ([, [make, hooks]]) => {
  test.for(hooks)("a slip of %s is refused wherever the node is wired or run", async (hook) => {
    for (const slip of slipsOf(hook).filter((each) => !words.includes(each))) {
      const wrong = () => Object.assign(make(), { [slip]: () => {} }) as BaseNode;
      for (const wire of [
        () => new Flow(wrong()),
        () => chain(wrong()),
        () => leaf().next(wrong()),
        () => leaf().on("default", wrong()),
        () => wrong().next(leaf()),
        () => parallel([wrong()]),
      ]) {
        const error = refusal(wire);
        expect(error, slip).toMatchObject({ code: "UNKNOWN_HOOK" });
        expect(error.message).toContain(`defines \`${slip}\`, which is never called; write \``);
        expect(error.message).toContain("a helper needs a name that is less similar");
      }
      await expect(wrong().run({})).rejects.toMatchObject({ code: "UNKNOWN_HOOK" });
    }
  });
});

test.for(Object.entries(classes))(
  "a class that extends %s is checked, and one that extends that",
  ([, Base]) => {
    // biome-ignore lint/suspicious/noExplicitAny: a constructor of any of them
    const Any = Base as any;
    // biome-ignore lint/suspicious/noExplicitAny: see above
    const made = (Class: any) => (WALKS.has(Base) ? new Class(leaf()) : new Class());
    class Own extends Any {
      exceFallback() {} // two slips: swapped
      execFallBack() {}
    }
    class Deeper extends Own {}
    for (const Class of [Own, Deeper]) {
      for (let n = 0; n < 2; n++) {
        expect(refusal(() => new Flow(made(Class)))).toMatchObject({
          code: "UNKNOWN_HOOK",
          message: expect.stringMatching(/^"(Own|Deeper)" defines `exceFallback`.* write `execFallback`/),
        });
      }
    }
  },
);

test("`onresult` and `onItem` get a suggestion, in batches only", () => {
  for (const name of ["onresult", "onItem", "OnResult", "onResults"]) {
    for (const make of [makers.BatchNode[0], makers.AsyncParallelBatchFlow[0]]) {
      const error = refusal(() => new Flow(Object.assign(make(), { [name]() {} })));
      expect(error.message).toContain(`defines \`${name}\`, which is never called; write \`onResult\``);
    }
    for (const make of [makers.Node[0], makers.Flow[0], makers.Parallel[0]]) {
      expect(() => new Flow(Object.assign(make(), { [name]() {} }))).not.toThrow();
    }
  }
});

describe("no alarm", () => {
  test.for(Object.entries(makers))(
    "of a %s for words, other hooks' names and what is not alike",
    ([, [make]]) => {
      for (const name of "host most past port work form cast lost execute prepare postpone forkAll joined costOf result onResultOf step helper run next on end fork join cost exec onResult".split(
        " ",
      )) {
        if (name === "exec" && "start" in make()) continue; // refused by another check
        if (name in BaseNodeMembers) continue;
        expect(() => new Flow(Object.assign(make(), { [name]: () => {} }) as BaseNode), name).not.toThrow();
      }
    },
  );

  test("for a helper beside the hook that it helps", () => {
    class Both extends Node {
      override exec() {
        return this.exec2() + this._exec();
      }
      exec2() {
        return 1;
      }
      _exec() {
        return 1;
      }
      override post() {
        this.posts();
      }
      posts() {}
    }
    class Deeper extends Both {
      execs() {}
    }
    expect(() => new Flow(chain(new Both(), new Deeper()))).not.toThrow();
    const own = Object.assign(new Node(), { prep: () => 1, preps: () => 2 });
    expect(() => new Flow(own)).not.toThrow();
  });

  test("for data, getters and statics", () => {
    class Data extends BatchFlow {
      static preps() {}
      posts = 3;
      joins: string[] = [];
      get costs() {
        throw new Error("read");
      }
    }
    const data = Object.defineProperty(new Data(leaf()), "execs", {
      enumerable: true,
      get() {
        throw new Error("read");
      },
    });
    expect(() => new Flow(data)).not.toThrow();
  });
});

const BaseNodeMembers = { run: 1, next: 1, on: 1, end: 1 };

describe("a slip of an option", () => {
  test.for([
    ["retires", "did you mean `retries`? write `attempts`"],
    ["retrys", "write `attempts`"],
    ["retry", "write `attempts`"],
    ["maxRetrys", "did you mean `maxRetries`? PocketFlow's `maxRetries: n` is written `attempts: n`"],
    ["max_retry", "`attempts: n`"],
    ["wait_", "did you mean `wait`? PocketFlow's `wait: s` is written `backoff: ms`"],
    ["wiat", "`backoff: ms`"],
    ["concurency", "AsyncParallelBatchNode"],
    ["attemps", "did you mean `attempts`? (known"],
    ["requries", "did you mean `requires`? (known"],
    ["retryif", "did you mean `retryIf`? (known"],
    ["constructor", "unknown option `constructor` (known"],
  ])("%s: %s", ([name, words]) => {
    const error = refusal(() => new Node({ [name as string]: 3 } as object));
    expect(error.code).toBe("UNKNOWN_OPTION");
    expect(error.message).toContain(words);
  });

  test("that a parallel class takes is not said to be another class's", () => {
    const error = refusal(() => new AsyncParallelBatchNode({ concurency: 3 } as object));
    expect(error.message).toContain("did you mean `concurrency`? (known");
  });

  test("in a definition: hooks of PocketFlow too", () => {
    expect(refusal(() => node({ exec_asinc: () => 1 } as object)).message).toContain("write `exec`");
  });
});
