"use strict";
// What a stranger's tests do with sluice where a test runner gives their code a realm of its own: each a name and a
// check. Signals, requests and buffers are the host's there, while `Object` and `Promise` are the realm's.
module.exports = ({ sluice, serve, threads, batching, otel, trace }, expect) => {
  const { AsyncParallelBatchNode, Flow, Gate, isFailure, locate, node, SluiceError } = sluice;
  const signal = () => new AbortController().signal;

  return {
    "a run takes a signal, and an abort ends it": async () => {
      expect(await new Flow(node({ post: () => "done" })).run({}, { signal: signal() })).toBe("done");
      const reason = new Error("stop");
      const controller = new AbortController();
      const stuck = new Flow(node({ exec: () => new Promise(() => {}) })).run(
        {},
        { signal: controller.signal },
      );
      controller.abort(reason);
      expect(await stuck.catch((error) => error)).toBe(reason);
      const late = new Flow(node({ exec: () => new Promise(() => {}) })).run(
        {},
        { signal: AbortSignal.timeout(5) },
      );
      expect((await late.catch((error) => error)).name).toBe("TimeoutError");
    },

    "a gate takes a signal, that of a hook too": async () => {
      const gate = new Gate({ concurrency: 1 });
      expect(await gate.run(async () => 1, { signal: signal() })).toBe(1);
      const inside = node({ exec: (_, ctx) => gate.run(async () => 2, { signal: ctx.signal, ctx }) });
      expect(await new Flow(inside).run({})).toBe(undefined);
    },

    "a batch takes collections, and failures are known": async () => {
      class Parse extends AsyncParallelBatchNode {
        prep = () => new Set(["1", "{"]);
        exec = async (text) => JSON.parse(text);
        post(shared, _items, results) {
          shared.failed = results.map(isFailure);
        }
      }
      const shared = {};
      await new Flow(new Parse({ onError: "collect", concurrency: 2 })).run(shared, { params: { a: 1 } });
      expect(shared.failed).toEqual([false, true]);
    },

    "errors are known, and where they happened": async () => {
      const error = await new Flow(node({ name: "Slow", exec: () => new Promise(() => {}), timeout: 5 }))
        .run({})
        .catch((error) => error);
      expect(error instanceof SluiceError).toBe(true);
      expect(error.code).toBe("TIMEOUT");
      expect(locate(error).node).toBe("Slow");
    },

    "events reach the listeners of an emitter": async () => {
      const { EventEmitter } = require("eventemitter3");
      const events = new EventEmitter();
      const seen = [];
      events.on("data", ({ data }) => void seen.push(data));
      await new Flow(node({ exec: (_, { emit }) => emit(1) })).run({}, { events });
      expect(seen).toEqual([1]);
    },

    "a handler takes a request": async () => {
      const handler = serve.createHandler(new Flow(node({ post: (shared) => void shared.n++ })));
      const headers = { "content-type": "application/json" };
      const request = new Request("http://localhost/", { method: "POST", headers, body: '{"n":1}' });
      const response = await handler(request);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ n: 2 });
    },

    "a thread takes a signal and buffers": async () => {
      const pool = new threads.ThreadPool({ threads: 1 });
      const lengthOf = threads.asyncify((buffer) => buffer.byteLength, { pool });
      const buffer = new ArrayBuffer(8);
      expect(await lengthOf(buffer, { signal: signal(), transfer: [buffer] })).toBe(8);
      expect(buffer.byteLength).toBe(0);
      const failing = threads.asyncify(() => JSON.parse("{"), { pool });
      expect((await failing().catch((error) => error)).name).toBe("SyntaxError");
      await pool.close();
    },

    "a batched call takes a signal": async () => {
      const lengthOf = batching.batched(async (texts) => texts.map((text) => text.length), {
        signal: signal(),
      });
      expect(await Promise.all([lengthOf("a", { signal: signal() }), lengthOf("bb")])).toEqual([1, 2]);
    },

    "a span lasts as long as the work": async () => {
      const ended = [];
      const { trace: api } = require("@opentelemetry/api");
      const tracer = {
        startSpan: (name) =>
          Object.assign(api.getTracer("none").startSpan(name), { end: () => void ended.push(name) }),
      };
      const around = [otel.otel({ tracer }), otel.diagnostics()];
      let whileAtWork;
      const wait = node({
        name: "Wait",
        exec: () => new Promise((resolve) => setTimeout(() => resolve((whileAtWork = ended.length)), 5)),
      });
      await new Flow(wait, { name: "Main" }).run({}, { around });
      expect(whileAtWork).toBe(0);
      expect(ended).toEqual(["attempt Wait", "step Wait", "invoke_workflow Main"]);
    },

    "a trace takes a URL, and shows collections": async () => {
      const { readFileSync } = require("node:fs");
      const { tmpdir } = require("node:os");
      const { pathToFileURL } = require("node:url");
      const url = pathToFileURL(`${tmpdir()}/sluice-realms-${process.pid}.jsonl`);
      const file = trace.recordTrace(url, { data: true });
      await new Flow(node({ exec: (_, { emit }) => emit(new Map([["a", 1]])) })).run(
        {},
        { events: file.events },
      );
      await file.close();
      expect(readFileSync(url, "utf8")).toContain('"data":[["a",1]]');
      require("node:fs").rmSync(url);
    },
  };
};
