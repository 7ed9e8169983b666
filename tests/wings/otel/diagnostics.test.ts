import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel";
import { build } from "esbuild";
import { Flow, node, type Span } from "sluice";
import { diagnostics } from "sluice/otel";
import { expect, test, vi } from "vitest";
import { rejection } from "../../support/deferred.js";

const KINDS = ["run", "step", "item", "attempt"] as const;

test("publishes the start and the end of every span, and what came of it", async () => {
  const heard: unknown[] = [];
  const listeners = KINDS.map((kind) => {
    const note = (phase: string) => (message: unknown) => {
      const { name, result, error } = message as Span & { result?: unknown; error?: Error };
      heard.push([kind, phase, name, phase === "start" ? undefined : (error?.message ?? result)]);
    };
    const handlers = { start: note("start"), asyncEnd: note("end") };
    for (const [phase, listener] of Object.entries(handlers))
      subscribe(`tracing:sluice:${kind}:${phase}`, listener);
    return () => {
      for (const [phase, listener] of Object.entries(handlers))
        unsubscribe(`tracing:sluice:${kind}:${phase}`, listener);
    };
  });
  await new Flow(node({ name: "A", exec: () => 7, post: () => "on" })).run({}, { around: diagnostics() });
  const fails = new Flow(node({ name: "B", exec: () => Promise.reject(new Error("no")) }));
  await rejection(fails.run({}, { around: diagnostics() }));
  for (const stop of listeners) stop();
  expect(heard).toEqual([
    ["run", "start", "Flow", undefined],
    ["step", "start", "A", undefined],
    ["attempt", "start", "A", undefined],
    ["attempt", "end", "A", 7],
    ["step", "end", "A", "on"],
    ["run", "end", "Flow", "on"],
    ["run", "start", "Flow", undefined],
    ["step", "start", "B", undefined],
    ["attempt", "start", "B", undefined],
    ["attempt", "end", "B", "no"],
    ["step", "end", "B", "no"],
    ["run", "end", "Flow", "no"],
  ]);
});

test("publishes nothing without subscribers", async () => {
  const ignore = () => {};
  subscribe("tracing:sluice:step:start", ignore); // a channel has this method once it has had a subscriber
  const trace = vi.spyOn(Object.getPrototypeOf(tracingChannel("sluice:step").start), "runStores");
  unsubscribe("tracing:sluice:step:start", ignore);
  expect(await new Flow(node({ post: () => "on" })).run({}, { around: diagnostics() })).toBe("on");
  expect(trace).not.toHaveBeenCalled();
  subscribe("tracing:sluice:step:start", ignore);
  await new Flow(node({})).run({}, { around: diagnostics() });
  unsubscribe("tracing:sluice:step:start", ignore);
  expect(trace).toHaveBeenCalledTimes(1);
  trace.mockRestore();
});

test("sluice/otel can be bundled for browsers, where diagnostics() says what it lacks", async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'export { diagnostics, otel } from "sluice/otel";', resolveDir: import.meta.dirname },
    bundle: true,
    platform: "browser",
    format: "cjs",
    logLevel: "silent",
    write: false,
  });
  const module = { exports: {} as typeof import("sluice/otel") };
  const text = outputFiles[0]?.text ?? "";
  new Function("module", "exports", "process", "globalThis", "require", text)(
    module,
    module.exports,
    undefined,
    {},
  );
  expect(module.exports.otel()).toBeTypeOf("function");
  expect(() => module.exports.diagnostics()).toThrow(
    /^diagnostics\(\) needs node:diagnostics_channel, which is not here/,
  );
});
