// Against the real SDK: what it exports is what a collector would get.
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import {
  type Around,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  Flow,
  Gate,
  node,
  type RunOptions,
} from "sluice";
import { openJournal } from "sluice/journal";
import { otel } from "sluice/otel";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rejection, turn } from "../../support/deferred.js";

const exporter = new InMemorySpanExporter();
beforeEach(() => {
  exporter.reset();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
});
afterEach(() => {
  trace.disable();
  context.disable();
});

const idOf = (span: ReadableSpan) => span.spanContext().spanId;
/** The spans as paths of names from the root, in the order in which they ended. */
function tree(spans: readonly ReadableSpan[]): string[] {
  const byId = new Map(spans.map((span) => [idOf(span), span]));
  const pathOf = (span: ReadableSpan): string => {
    const parent = byId.get(span.parentSpanContext?.spanId ?? "");
    return parent === undefined ? span.name : `${pathOf(parent)} > ${span.name}`;
  };
  return spans.map(pathOf);
}
const run = (flow: Flow, options: RunOptions = { around: otel() }) => flow.run({}, options);
const finished = () => exporter.getFinishedSpans();
const named = (name: string) => finished().filter((span) => span.name === name);

class Each extends AsyncParallelBatchFlow<object, { n: number }> {
  override prep() {
    return [{ n: 0 }, { n: 1 }, { n: 2 }];
  }
}

describe("spans", () => {
  test("a run that goes on from its journal has spans of what runs, and none of what is remembered", async () => {
    const journal = await openJournal(":memory:");
    let isDown = true;
    class Work extends AsyncParallelBatchNode<object, number, number> {
      override prep() {
        return [0, 1, 2];
      }
      override async exec(n: number) {
        if (isDown && n === 2) throw new Error("down");
        return n;
      }
    }
    const create = () => {
      const first = node({ name: "First" });
      first.next(new Work({ name: "Work", concurrency: 1 }) as never);
      return new Flow(first, { name: "Main" });
    };
    const options = () => ({ journal, runId: "r", around: otel() });
    await expect(create().run({}, options())).rejects.toThrow("down");
    expect(named("attempt Work").length).toBe(3);
    expect(named("invoke_workflow Main")[0]?.status).toMatchObject({ code: SpanStatusCode.ERROR });
    exporter.reset();
    isDown = false;
    await create().run({}, options());
    expect(named("step First")).toEqual([]);
    expect(named("attempt Work").length).toBe(1);
    expect(named("invoke_workflow Main")[0]?.status.code).not.toBe(SpanStatusCode.ERROR);
    expect(named("invoke_workflow Main")[0]?.attributes["sluice.run.id"]).toBe("r");
    await journal.close();
  });

  test("every run, step, item and attempt has one, each inside what it is part of", async () => {
    const gate = new Gate({ concurrency: 1 });
    const inner = node({ name: "In", gate, exec: () => turn() });
    await run(new Flow(new Each(inner), { name: "Main" }), { around: otel(), runId: "r" });
    const item = "invoke_workflow Main > step Each > item Each";
    expect(tree(finished()).sort()).toEqual(
      [
        "invoke_workflow Main",
        "invoke_workflow Main > step Each",
        ...Array.from({ length: 3 }, () => [
          item,
          `${item} > step In`,
          `${item} > step In > attempt In`,
        ]).flat(),
      ].sort(),
    );
    expect(new Set(finished().map((span) => span.spanContext().traceId)).size).toBe(1);
    for (const each of named("item Each")) {
      const inside = finished().filter(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(each));
      expect(inside.map(({ attributes }) => attributes["sluice.index"])).toEqual([
        each.attributes["sluice.index"],
      ]);
    }
    expect(named("invoke_workflow Main")[0]?.attributes).toEqual({
      "sluice.run.id": "r",
      "sluice.path": "Main",
      "gen_ai.operation.name": "invoke_workflow",
      "gen_ai.workflow.name": "Main",
    });
  });

  test("a span of the user's is a child of its attempt, and the run one of the caller's", async () => {
    const tracer = trace.getTracer("user");
    class Calls extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return [0, 1, 2, 3];
      }
      override async exec(n: number) {
        await turn();
        await tracer.startActiveSpan(`call ${n}`, async (span) => {
          await turn();
          span.end();
        });
      }
    }
    await tracer.startActiveSpan("request", async (span) => {
      await run(new Flow(new Calls({ concurrency: 2 })));
      span.end();
    });
    for (const n of [0, 1, 2, 3]) {
      const [call] = named(`call ${n}`);
      const attempt = finished().find((span) => idOf(span) === call?.parentSpanContext?.spanId);
      expect([attempt?.name, attempt?.attributes["sluice.index"]]).toEqual(["attempt Calls", n]);
    }
    expect(tree(named("request").concat(named("invoke_workflow Flow")))).toEqual([
      "request",
      "request > invoke_workflow Flow",
    ]);
  });

  test("parents are right also where no context manager hands contexts down", async () => {
    context.disable();
    trace.disable();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const around = otel({ tracer: provider.getTracer("own") });
    const flow = new Flow(new Each(node({ name: "In", exec: () => turn() })));
    await Promise.all([run(flow, { around }), run(flow, { around })]);
    const item = "invoke_workflow Flow > step Each > item Each";
    expect(tree(finished()).filter((path) => path === `${item} > step In > attempt In`)).toHaveLength(6);
    expect(new Set(finished().map((span) => span.spanContext().traceId)).size).toBe(2);
  });

  test("a hook between two of them may make spans of its own", async () => {
    const tracer = trace.getTracer("user");
    const wrap: Around = (span, next) =>
      span.kind === "attempt"
        ? tracer.startActiveSpan("mine", async (mine) => {
            const result = await next();
            mine.end();
            return result;
          })
        : next();
    await run(new Flow(node({ name: "A", exec: () => 1 })), { around: [otel(), wrap] });
    expect(tree(finished())[0]).toBe("invoke_workflow Flow > step A > attempt A > mine");
  });
});

describe("outcomes", () => {
  test("a failure is recorded where it was thrown and up to the run; tries that failed stay failed", async () => {
    let tries = 0;
    const flaky = node({
      name: "Flaky",
      exec: () => {
        if (++tries === 1) throw Object.assign(new Error("busy"), { code: "EBUSY" });
      },
      attempts: 2,
    });
    flaky.next(node({ name: "Bad", post: () => Promise.reject(new TypeError("no")) }));
    await rejection(run(new Flow(flaky)));
    const told = finished().map(({ name, status, attributes, events }) => [
      name,
      status.code === SpanStatusCode.ERROR ? status.message : "ok",
      attributes["error.type"],
      events.map((event) => event.attributes?.["exception.message"]),
    ]);
    // "step Flaky" ends at about the time of "attempt Bad": before it where the walk yields between the two.
    expect(told).toHaveLength(6);
    expect(told.slice(0, 2)).toEqual([
      ["attempt Flaky", "busy", "EBUSY", ["busy"]],
      ["attempt Flaky", "ok", undefined, []],
    ]);
    expect(told.slice(2, 4)).toContainEqual(["attempt Bad", "ok", undefined, []]);
    expect(told.slice(2, 4)).toContainEqual(["step Flaky", "ok", undefined, []]);
    expect(told.slice(4)).toEqual([
      ["step Bad", "no", "TypeError", ["no"]],
      ["invoke_workflow Flow", "no", "TypeError", ["no"]],
    ]);
    expect(named("attempt Flaky").map(({ attributes }) => attributes["sluice.attempt"])).toEqual([0, 1]);
  });

  test("anything may be thrown, and attributes that throw harm nothing", async () => {
    const hostile = {
      get message() {
        throw new Error("x");
      },
      toString() {
        throw new Error("y");
      },
    };
    const attributes = () => {
      throw new Error("attributes");
    };
    const thrown = await rejection(
      run(new Flow(node({ exec: () => Promise.reject(hostile) })), { around: otel({ attributes }) }),
    );
    expect(thrown).toBe(hostile);
    expect(named("step node")[0]?.attributes).toMatchObject({
      "error.type": "_OTHER",
      "sluice.attributes.error": "attributes",
    });
  });

  test("an abort ends every span, within an exec that ignores it", async () => {
    const stop = new AbortController();
    const flow = new Flow(node({ name: "Hangs", exec: () => new Promise(() => {}) }));
    const rejected = rejection(run(flow, { around: otel(), signal: stop.signal }));
    await turn();
    await turn();
    stop.abort(new Error("enough"));
    await rejected;
    expect(finished().map(({ name, attributes }) => [name, attributes["sluice.aborted"]])).toEqual([
      ["attempt Hangs", true],
      ["step Hangs", true],
      ["invoke_workflow Flow", true],
    ]);
  });
});

describe("content", () => {
  const secretive = () => {
    const ask = node({
      name: "Ask",
      prep: () => "the prompt",
      exec: () => ({ answer: "the answer" }),
      post: () => "done" as const,
    });
    return new Flow(ask);
  };

  test("no prompt and no answer is recorded unless it is asked for", async () => {
    await run(secretive());
    const all = JSON.stringify(finished().map(({ attributes, events, name }) => [attributes, events, name]));
    expect(all).not.toContain("the prompt");
    expect(all).not.toContain("the answer");
    expect(named("step Ask")[0]?.attributes["sluice.action"]).toBe("done");
  });

  test("asked for, it is recorded as JSON, cut to a length, whatever it is", async () => {
    await run(secretive(), {
      around: otel({ content: true, attributes: () => ({ "gen_ai.request.model": "m" }) }),
    });
    expect(named("attempt Ask")[0]?.attributes).toMatchObject({
      "sluice.input": '"the prompt"',
      "sluice.output": '{"answer":"the answer"}',
      "gen_ai.request.model": "m",
    });
    const loop: { self?: unknown } = {};
    loop.self = loop;
    await run(new Flow(node({ name: "Odd", prep: () => loop, exec: () => "x".repeat(10_000) })), {
      around: otel({ content: true }),
    });
    const { attributes } = named("attempt Odd")[0] as ReadableSpan;
    expect(attributes["sluice.input"]).toMatch(/^\(Converting circular structure/);
    expect(attributes["sluice.output"]).toHaveLength(8_192);
  });

  test("options are checked", () => {
    expect(() => otel({ contents: true } as never)).toThrow(/unknown option.+contents.+content/is);
    expect(() => otel({ tracer: {} as never })).toThrow(/`tracer` to be a tracer of OpenTelemetry/);
  });
});
