// What recordTrace writes, and that nothing which happens to it or in it harms a run.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EventEmitter } from "eventemitter3";
import { type AnyEvent, Executor, Flow, node, type RunEvents, SluiceError } from "sluice";
import { toJSON } from "sluice/diagram";
import { recordTrace } from "sluice/trace";
import { describe, expect, test } from "vitest";
import { BACKPRESSURE } from "../../../src/base/keys.js";
import { TraceModel } from "../../../src/view/model/trace-model.js";
import { FileWriter } from "../../../src/wings/trace/file-writer.js";
import { traceTo } from "../../../src/wings/trace/record.js";
import { hasModes } from "../../support/system.js";
import { batchFlow, linesOf, scratch } from "../../support/traced-flows.js";

const folder = scratch();

describe("the file", () => {
  test("has every event of a run as one line, in order, after a line of its own and the graph", async () => {
    const trace = recordTrace(join(folder, "all.jsonl"));
    const seen: AnyEvent[] = [];
    for (const type of ["run", "step", "item", "attempt", "gate", "data", "progress", "warning"] as const) {
      trace.events.on(type, (event: AnyEvent) => seen.push(event));
    }
    const flow = batchFlow();
    await flow.run({}, { events: trace.events, runId: "r1" });
    await trace.close();
    const [head, graph, ...lines] = linesOf(trace.path);
    expect(head).toMatchObject({
      type: "trace",
      version: 1,
      time: expect.any(Number),
      at: expect.any(Number),
    });
    expect(graph).toEqual({ type: "graph", id: 1, graph: toJSON(flow) });
    expect(lines.map(({ type, phase, id }) => [type, phase, id])).toEqual(
      seen.map((event) => [
        event.type,
        "phase" in event ? event.phase : undefined,
        "id" in event ? event.id : undefined,
      ]),
    );
    for (const [i, line] of lines.entries()) {
      const event = seen[i] as AnyEvent;
      expect(line.runId).toBe("r1");
      expect(line.path).toEqual(event.path);
      expect(line.at).toBeCloseTo(event.at, 2);
    }
    expect(lines[0]).toMatchObject({ type: "run", phase: "start", graph: 1, time: expect.any(Number) });
    expect(lines.at(-1)).toMatchObject({ type: "run", phase: "end", outcome: "done", action: "done" });
    expect(lines.find(({ error }) => error !== undefined && error.name === "TypeError")?.error).toEqual({
      name: "TypeError",
      message: "always",
      stack: expect.stringContaining("always"),
      cause: { name: "Error", message: "the reason", stack: expect.any(String) },
    });
  });

  test("has the machine that an error was thrown on", async () => {
    class Away extends Executor {
      override async execute() {
        return { error: new RangeError("there"), machine: "worker-7" };
      }
    }
    const trace = recordTrace(join(folder, "machine.jsonl"));
    const flow = new Flow(node({ name: "Sent", executor: new Away() }), { name: "Main" });
    await expect(flow.run({}, { events: trace.events })).rejects.toThrow("there");
    await trace.close();
    const ends = linesOf(trace.path).filter(({ type, phase }) => type === "step" && phase === "end");
    expect(ends.map(({ error }) => [error?.name, error?.machine])).toEqual([["RangeError", "worker-7"]]);
    const page = new TraceModel();
    for (const line of linesOf(trace.path)) expect(page.add(JSON.stringify(line))).toBeUndefined();
    expect(page.runs[0]?.failures[0]?.error?.machine).toBe("worker-7");
  });

  test("has what was emitted only where that was asked for", async () => {
    for (const [options, has] of [
      [undefined, false],
      [{ data: false }, false],
      [{ data: true }, true],
    ] as const) {
      const trace = recordTrace(join(folder, "data.jsonl"), options);
      await batchFlow().run({}, { events: trace.events });
      await trace.close();
      expect(readFileSync(trace.path, "utf8").includes("secret 1")).toBe(has);
      expect(linesOf(trace.path).filter(({ type }) => type === "data").length).toBeGreaterThan(3);
    }
  });

  test.runIf(hasModes)(
    "with data may be read by its owner only, also one that was there before",
    async () => {
      for (const [name, data, mode] of [
        ["open.jsonl", false, 0o644],
        ["private.jsonl", true, 0o600],
        ["was-open.jsonl", true, 0o600],
      ] as const) {
        const path = join(folder, name);
        if (name.startsWith("was")) writeFileSync(path, "old", { mode: 0o644 });
        const before = process.umask(0o022);
        const trace = recordTrace(path, { data });
        process.umask(before);
        await trace.close();
        expect(statSync(path).mode & 0o777, name).toBe(mode);
      }
    },
  );

  test("holds many runs at once, each with its id, and the graph of a flow once", async () => {
    const trace = recordTrace(join(folder, "many.jsonl"));
    const [a, b] = [batchFlow(2, "A"), batchFlow(2, "B")];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).run({}, { events: trace.events })),
    );
    await trace.close();
    const lines = linesOf(trace.path);
    expect(lines.filter(({ type }) => type === "graph").length).toBe(2);
    const ended = lines.filter(({ type, phase }) => type === "run" && phase === "end");
    expect(new Set(ended.map(({ runId }) => runId)).size).toBe(20);
  });

  test("has no graph where a node runs alone", async () => {
    const trace = recordTrace(join(folder, "alone.jsonl"));
    await node({ name: "Alone" }).run({}, { events: trace.events });
    await trace.close();
    expect(linesOf(trace.path).filter(({ type }) => type === "graph")).toEqual([]);
  });

  test("takes nothing after it was closed, and is closed once", async () => {
    const trace = recordTrace(pathToFileURL(join(folder, "closed.jsonl")));
    await Promise.all([trace.close(), trace.close()]);
    await new Flow(node({})).run({}, { events: trace.events });
    expect(linesOf(trace.path).length).toBe(1);
  });
});

describe("what cannot be written down breaks nothing", () => {
  const cycle: Record<string, unknown> = { __proto__: null, name: "round" };
  cycle.self = cycle;
  const revoked = Proxy.revocable([], {});
  revoked.revoke();
  const hostile: unknown[] = [
    cycle,
    revoked.proxy,
    {
      get boom() {
        throw new Error("no");
      },
    },
    {
      toJSON() {
        throw new Error("no");
      },
    },
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("no");
        },
      },
    ),
    10n,
    Symbol("s"),
    () => 1,
    Number.NaN,
    "\ud800 half a character",
    "x".repeat(1_000_000),
    Array.from({ length: 100_000 }, (_, i) => ({ i })),
    new Map([[{}, new Set([1])]]),
    new Uint8Array(10),
    new Date(Number.NaN),
    JSON.parse('{"__proto__": {"polluted": true}}'),
    null,
    undefined,
  ];

  test("as data, as an error, as a cause", async () => {
    const trace = recordTrace(join(folder, "hostile.jsonl"), { data: true });
    const failures: unknown[] = [];
    trace.events.on("listenerError", (event) => failures.push(event));
    for (const value of hostile) {
      const emits = node({ exec: async (_: undefined, { emit }) => emit(value) });
      await emits.run({}, { events: trace.events });
      const fails = node({ exec: () => Promise.reject(value) });
      await fails.run({}, { events: trace.events }).catch(() => {});
      const caused = node({ exec: () => Promise.reject(new Error("outer", { cause: value })) });
      await caused.run({}, { events: trace.events }).catch(() => {});
    }
    await trace.close();
    expect(failures).toEqual([]);
    const lines = linesOf(trace.path);
    expect(lines.filter(({ type }) => type === "data").length).toBe(hostile.length);
    for (const { error } of lines.filter(({ outcome }) => outcome === "failed")) {
      expect(error).toMatchObject({ name: expect.any(String), message: expect.any(String) });
    }
    expect(
      readFileSync(trace.path, "utf8")
        .split("\n")
        .every((line) => line.length < 500_000),
    ).toBe(true);
  });

  test("an error that throws when it is looked at is an error without words", async () => {
    const trace = recordTrace(join(folder, "error.jsonl"));
    const error = new Proxy(new Error("hidden"), {
      get() {
        throw new Error("no");
      },
    });
    await node({ exec: () => Promise.reject(error) })
      .run({}, { events: trace.events })
      .catch(() => {});
    await trace.close();
    expect(linesOf(trace.path).at(-1)?.error).toMatchObject({ name: "object", message: expect.any(String) });
  });

  test("an AggregateError has its parts, and causes in a circle have an end", async () => {
    const round = new Error("round");
    round.cause = round;
    const trace = recordTrace(join(folder, "aggregate.jsonl"));
    const error = new AggregateError([round, "text"], "both");
    await node({ exec: () => Promise.reject(error) })
      .run({}, { events: trace.events })
      .catch(() => {});
    await trace.close();
    expect(linesOf(trace.path).at(-1)?.error).toMatchObject({
      name: "AggregateError",
      errors: [
        { message: "round", cause: { message: "round" } },
        { name: "string", message: "text" },
      ],
    });
  });
});

describe("a disk that fails or is slow", () => {
  test.each([
    ["a folder that is not there", join(folder, "none/run.jsonl"), "make its folder first"],
    ["a folder", folder, "give a path that may be written"],
  ])("%s is reported at once", (_what, path, advice) => {
    const failed = () => recordTrace(path);
    expect(failed).toThrow(SluiceError);
    expect(failed).toThrow(/^recordTrace\(\): expected a file that can be written, got "/);
    expect(failed).toThrow(advice);
  });

  test("invalid options throw before the file is opened", () => {
    const path = join(folder, "untouched.jsonl");
    expect(() => recordTrace(path, { date: true } as never)).toThrow("did you mean `data`");
    expect(() => recordTrace(undefined as never)).toThrow("expected `path` to be the path of a file");
    expect(existsSync(path)).toBe(false);
  });

  test.runIf(existsSync("/dev/full"))(
    "a full disk rejects close(), and does not affect the run",
    async () => {
      const trace = recordTrace("/dev/full");
      expect(await batchFlow().run({}, { events: trace.events })).toBe("done");
      await expect(trace.close()).rejects.toMatchObject({
        code: "TRACE_FAILED",
        message: expect.stringContaining("ENOSPC"),
        cause: { code: "ENOSPC" },
      });
    },
  );

  /** A disk that writes when it is told to, a few bytes at a time. */
  function slowDisk() {
    const asked: (() => void)[] = [];
    const written: Buffer[] = [];
    let open = false;
    const writeTo = (
      _file: number,
      buffer: Buffer,
      _from: number,
      _to: number,
      _at: unknown,
      then: unknown,
    ) => {
      const act = () => {
        const piece = buffer.subarray(0, 100_000);
        written.push(Buffer.from(piece));
        (then as (error: null, count: number) => void)(null, piece.length);
      };
      if (open) setImmediate(act);
      else asked.push(act);
    };
    const release = () => {
      open = true;
      for (const act of asked.splice(0)) act();
    };
    return { writeTo: writeTo as never, release, text: () => Buffer.concat(written).toString() };
  }

  test("holds the run back while too much waits, and then all of it is written in order", async () => {
    const disk = slowDisk();
    const trace = traceTo("slow", new FileWriter(join(folder, "slow.jsonl"), disk.writeTo), { data: true });
    const held = (trace.events as unknown as { [BACKPRESSURE]: () => Promise<void> | undefined })[
      BACKPRESSURE
    ];
    let sent = 0;
    const chatty = node({
      exec: async (_: undefined, { emit }) => {
        for (let i = 0; i < 400; i++, sent++) await emit("x".repeat(10_000));
      },
    });
    const run = chatty.run({}, { events: trace.events });
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(held()).toBeInstanceOf(Promise);
    expect(sent).toBeGreaterThan(90);
    expect(sent).toBeLessThan(110);
    disk.release();
    await run;
    await trace.close();
    expect(sent).toBe(400);
    const lines = disk
      .text()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ type }) => type === "data").length).toBe(400);
    expect(lines.at(-1)).toMatchObject({ type: "run", phase: "end" });
  });

  test("an emitter of a trace can be one of several listeners", async () => {
    const trace = recordTrace(join(folder, "beside.jsonl"));
    const types: string[] = [];
    trace.events.on("run", ({ phase }) => types.push(phase));
    expect(trace.events).toBeInstanceOf(EventEmitter<RunEvents>);
    await new Flow(node({})).run({}, { events: trace.events });
    await trace.close();
    expect(types).toEqual(["start", "end"]);
  });
});

describe("a process that ends", () => {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const program = (path: string, end: string) => `
    import { node } from "sluice";
    import { recordTrace } from "sluice/trace";
    const trace = recordTrace(${JSON.stringify(path)}, { data: true });
    const work = node({ name: "Work", exec: async (_, { emit }) => {
      for (let i = 0; i < 50; i++) { await emit({ i, text: "x".repeat(1000) }); if (i % 10 === 0) await new Promise((go) => setTimeout(go, 1)); }
      ${end}
    } });
    await work.run({}, { events: trace.events });`;
  const run = (path: string, end: string) => {
    try {
      const args = ["--import", tsx, "--input-type=module", "-e", program(path, end)];
      execFileSync(process.execPath, args, { cwd: join(import.meta.dirname, "../../.."), stdio: "pipe" });
    } catch {
      // It was meant to crash.
    }
  };

  test.each([
    ["by process.exit()", "process.exit(0)"],
    ["by an error that nobody catches", "throw new Error('crash')"],
    ["without close()", ""],
  ])("%s keeps all events so far", (_how, end) => {
    const path = join(folder, "ended.jsonl");
    run(path, end);
    expect(linesOf(path).filter(({ type }) => type === "data").length).toBe(50);
  });

  test("by a signal that cannot be caught leaves a readable beginning", () => {
    const path = join(folder, "killed.jsonl");
    // Killed once the disk has half of it, however long it takes.
    const written = `(await import("node:fs")).statSync(${JSON.stringify(path)}).size`;
    run(
      path,
      `while (${written} < 30_000) await new Promise((go) => setTimeout(go, 5));
      process.kill(process.pid, "SIGKILL"); await new Promise(() => {});`,
    );
    const lines = readFileSync(path, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ type: "trace" });
    expect(lines.filter(({ type }) => type === "data").length).toBeGreaterThan(20);
  });
});
