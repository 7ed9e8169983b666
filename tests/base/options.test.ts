import { EventEmitter as NodeEmitter } from "node:events";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  Flow,
  Gate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";

/** Every way to hand options to something that tries calls. */
const makers: Record<string, (options: object) => unknown> = {
  Node: (options) => new Node(options),
  "node()": (options) => node(options),
  BatchNode: (options) => new BatchNode(options),
  AsyncParallelBatchNode: (options) => new AsyncParallelBatchNode(options),
  Flow: (options) => new Flow(new Node(), options),
  BatchFlow: (options) => new BatchFlow(new Node(), options),
  AsyncParallelBatchFlow: (options) => new AsyncParallelBatchFlow(new Node(), options),
};
const everyMaker = Object.entries(makers);

/** The error that making something throws; fails when it is made. */
function refusal(make: () => unknown): SluiceError {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return error as SluiceError;
  }
  throw new Error("Expected a refusal");
}

const wrong: Record<string, readonly unknown[]> = {
  attempts: [0, -1, 1.5, Number.NaN, "3", null, Number.POSITIVE_INFINITY, 2n, true],
  timeout: [0, -1, Number.NaN, "100", null, Number.POSITIVE_INFINITY, 2 ** 31],
  backoff: [-1, Number.NaN, "1", null, true, 2 ** 31, [], Number.POSITIVE_INFINITY],
  retryIf: [true, "yes", null, {}],
  name: ["", 3, null, {}],
  requires: ["text", [1], [undefined], {}, null],
  gate: [{}, 3, null, Gate, { concurrency: 3 }],
  rate: [3, null, [], "500/min"],
};

describe.each(everyMaker)("%s refuses", (_name, make) => {
  test.each(
    Object.entries(wrong).flatMap(([option, values]) => values.map((value) => [option, value] as const)),
  )("%s: %s", (option, value) => {
    const error = refusal(() => make({ [option]: value }));
    expect(error.code).toBe("INVALID_OPTION");
    expect(error.message).toContain(`\`${option}\``);
    expect(error.message).toMatch(/expected .* got /);
  });

  test("an unknown option, with the one that was probably meant", () => {
    const error = refusal(() => make({ attempt: 3 }));
    expect(error.code).toBe("UNKNOWN_OPTION");
    expect(error.message).toContain("did you mean `attempts`?");
    expect(refusal(() => make({ timeoutt: 3 })).message).toContain("did you mean `timeout`?");
    expect(refusal(() => make({ zzzzzzzz: 3 })).message).not.toContain("did you mean");
  });

  test("PocketFlow's maxRetries and wait, with what to write instead", () => {
    for (const name of ["maxRetries", "max_retries"]) {
      const error = refusal(() => make({ [name]: 3 }));
      expect(error.code).toBe("UNKNOWN_OPTION");
      expect(error.message).toContain("`attempts: n`");
    }
    expect(refusal(() => make({ wait: 1 })).message).toContain("`backoff: ms`");
  });

  test("what is no object of options", () => {
    for (const options of [3, "attempts", null, [], true]) {
      expect(refusal(() => make(options as never)).code).toBe("INVALID_OPTION");
    }
  });
});

describe.each(everyMaker)("%s takes", (_name, make) => {
  test.each([
    { attempts: 1 },
    { attempts: 1_000_000 },
    { timeout: 0.5 },
    { timeout: 2 ** 31 - 1 },
    { backoff: 0 },
    { backoff: 2 ** 31 - 1 },
    { backoff: { delay: 5 } },
    { backoff: { delay: 0, factor: 1.5, max: 9, jitter: "none" } },
    { backoff: () => 3 },
    { retryIf: () => true },
    { requires: [] },
    { gate: new Gate() },
    { rate: { requests: 5, per: 1_000 } },
    { attempts: undefined, backoff: undefined, timeout: undefined, gate: undefined, name: undefined },
    {},
  ])("%o", (options) => {
    expect(() => make(options)).not.toThrow();
  });
});

test("options that are inherited, as from Object.create(defaults), are checked as one's own", () => {
  expect(() => new Node(Object.create({ attempts: 2 }))).not.toThrow();
  expect(refusal(() => new Node(Object.create({ attempts: 0 }))).code).toBe("INVALID_OPTION");
  expect(refusal(() => new Node(Object.create({ attempt: 2 }))).code).toBe("UNKNOWN_OPTION");
});

test("positional maxRetries and wait of PocketFlow get the hint too", () => {
  const Loose = Node as unknown as new (maxRetries: number, wait: number) => Node;
  expect(refusal(() => new Loose(3, 10)).message).toContain("{ attempts: 3, backoff: 1_000 }");
});

test("no options at all are fine", () => {
  expect(() => [new Node(), new Node(undefined), new BatchNode(), new Flow(new Node())]).not.toThrow();
});

describe("the fields of a growing backoff", () => {
  test.each([
    [{}, "delay"],
    [{ delay: "5" }, "delay"],
    [{ delay: -1 }, "delay"],
    [{ delay: Number.NaN }, "delay"],
    [{ delay: 1, factor: 0 }, "factor"],
    [{ delay: 1, factor: Number.POSITIVE_INFINITY }, "factor"],
    [{ delay: 1, max: -1 }, "max"],
    [{ delay: 1, jitter: "half" }, "jitter"],
    [{ delay: 1, jitter: true }, "jitter"],
  ])("%o is refused", (backoff, field) => {
    const error = refusal(() => new Node({ backoff: backoff as never }));
    expect(error).toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining(`\`${field}\``) });
  });

  test("an unknown one is refused with a hint", () => {
    expect(refusal(() => new Node({ backoff: { dely: 1 } as never })).message).toContain(
      "did you mean `delay`",
    );
  });
});

describe("concurrency", () => {
  const parallels = {
    AsyncParallelBatchNode: makers.AsyncParallelBatchNode!,
    AsyncParallelBatchFlow: makers.AsyncParallelBatchFlow!,
  };

  test.each(Object.entries(parallels))("of %s is a positive integer, or Infinity", (_name, make) => {
    for (const concurrency of [0, -1, 1.5, Number.NaN, "4", null, Number.NEGATIVE_INFINITY]) {
      const { code, message } = refusal(() => make({ concurrency }));
      expect(code).toBe("INVALID_OPTION");
      expect(message).toContain("a positive integer or Infinity");
    }
    for (const concurrency of [1, 16, Number.POSITIVE_INFINITY, undefined]) {
      expect(() => make({ concurrency })).not.toThrow();
    }
  });

  test.each([makers.BatchNode!, makers.BatchFlow!, makers.Node!, makers.Flow!])(
    "is refused where work goes one by one, with the classes that take it",
    (make) => {
      const { code, message } = refusal(() => make({ concurrency: 2 }));
      expect(code).toBe("UNKNOWN_OPTION");
      expect(message).toContain("AsyncParallelBatch");
    },
  );
});

test("onError is one of two words, and only batches have it", () => {
  for (const name of ["BatchNode", "AsyncParallelBatchNode", "BatchFlow", "AsyncParallelBatchFlow"]) {
    expect(refusal(() => makers[name]!({ onError: "ignore" })).message).toContain('"throw" or "collect"');
    expect(() => makers[name]!({ onError: "collect" })).not.toThrow();
  }
  expect(refusal(() => makers.Node!({ onError: "collect" })).code).toBe("UNKNOWN_OPTION");
});

test("until is one of three words", () => {
  expect(refusal(() => parallel([new Node()], { until: "first" as never })).message).toContain('"any"');
});

test("an option that parallel() does not take is not recommended for it", () => {
  const { code, message } = refusal(() => parallel([new Node()], { maxRetries: 3 } as never));
  expect(code).toBe("UNKNOWN_OPTION");
  expect(message).not.toContain("`attempts: n`");
});

test("params and strict belong to flows", () => {
  for (const params of [3, [], null, "x"]) {
    expect(refusal(() => makers.Flow!({ params })).code).toBe("INVALID_OPTION");
  }
  for (const strict of [1, "yes", null]) {
    expect(refusal(() => makers.Flow!({ strict })).code).toBe("INVALID_OPTION");
  }
  expect(refusal(() => makers.Node!({ strict: true })).code).toBe("UNKNOWN_OPTION");
});

describe("the options of run()", () => {
  const refused: Record<string, readonly unknown[]> = {
    signal: [{}, 3, null, new AbortController()],
    params: [3, [], null],
    events: [{}, 3, null, new NodeEmitter()], // only eventemitter3's own
    maxSteps: [0, -1, 1.5, Number.NaN, "10", null],
    runId: ["", 3, null],
    ctx: [{}, 3, null],
  };

  test.each(Object.entries(refused).flatMap(([name, values]) => values.map((value) => [name, value])))(
    "%s: %s is refused before any hook is called",
    async (name, value) => {
      const prep = vi.fn();
      const error = await rejection(new Flow(node({ prep })).run({}, { [name as string]: value }));
      expect(error).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining(`\`${name}\``),
      });
      expect(prep).not.toHaveBeenCalled();
    },
  );

  test("an unknown one is refused with a hint", async () => {
    const error = await rejection(new Node().run({}, { maxStep: 3 } as never));
    expect(error).toMatchObject({ code: "UNKNOWN_OPTION" });
    expect((error as Error).message).toContain("did you mean `maxSteps`?");
  });

  test("undefined counts as left out", async () => {
    const nothing = {
      signal: undefined,
      params: undefined,
      events: undefined,
      maxSteps: undefined,
      runId: undefined,
    };
    expect(await new Node().run({}, nothing)).toBeUndefined();
    expect(await new Node().run({}, undefined)).toBeUndefined();
  });
});

test("a flow with an exec of its own is refused, for its exec is the walk", () => {
  class Wrong extends Flow {
    exec() {}
  }
  expect(refusal(() => new Wrong(new Node())).message).toContain("exec");
});

test("a flow starts at a node", () => {
  for (const start of [undefined, null, {}, "start", Node]) {
    expect(refusal(() => new Flow(start as never)).code).toBe("INVALID_NODE");
    expect(refusal(() => new BatchFlow(start as never)).code).toBe("INVALID_NODE");
  }
});
