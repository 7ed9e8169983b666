import { BatchNode, type Context, Flow, node } from "sluice";
import { createHandler } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { eventsOf, type Got, post, postForEvents, turn } from "../../support/requests.js";

const tokens = (count: number, more: (at: number, ctx: Context) => unknown = () => {}) =>
  new Flow(
    node({
      prep: (shared: { id: string; said?: number }) => shared.id,
      exec: async (id, ctx) => {
        for (let at = 0; at < count; at++) {
          await ctx.emit(`${id}${at}`);
          await more(at, ctx);
        }
        return count;
      },
      post: (shared, _id, said) => {
        shared.said = said;
      },
    }),
  );

describe("with `Accept: text/event-stream`", () => {
  test("what the flow emits comes as `data`, in order, and the output last as `result`", async () => {
    const response = await createHandler(tokens(3), { output: (shared) => shared })(
      postForEvents({ id: "a" }),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toContain("no-cache");
    expect(await eventsOf(response)).toEqual([
      { event: "data", data: "a0" },
      { event: "data", data: "a1" },
      { event: "data", data: "a2" },
      { event: "result", data: { id: "a", said: 3 } },
    ]);
  });

  test("it comes while the flow still runs", async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const response = await createHandler(tokens(2, (at) => (at === 0 ? gate : undefined)))(
      postForEvents({ id: "a" }),
    );
    const reader = response.body!.getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value)).toBe('event: data\ndata: "a0"\n\n');
    open();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"a1"');
    await reader.cancel();
  });

  test("any JSON may be emitted, line ends and all", async () => {
    const values = ["a\nb\r\n\n: c", { deep: [1, null] }, undefined, "data: x", "\u2028"];
    const flow = new Flow(
      node({ exec: async (_: undefined, { emit }) => void (await Promise.all(values.map(emit))) }),
    );
    const events = await eventsOf(await createHandler(flow)(postForEvents({})));
    expect(events.slice(0, -1).map(({ data }) => data)).toEqual(values.map((value) => value ?? null));
  });

  test("a failure comes as `error`, last and without internals", async () => {
    const onError = vi.fn();
    const flow = tokens(2, (at) => {
      if (at === 1) throw new Error("hunter2");
    });
    const events = await eventsOf(await createHandler(flow, { onError })(postForEvents({ id: "a" })));
    expect(events.at(-1)).toEqual({ event: "error", data: { status: 500, message: "The flow failed" } });
    expect(events).toHaveLength(3);
    expect(onError).toHaveBeenCalledOnce();
  });

  test("data that has no JSON ends the run with an error that says where", async () => {
    const onError = vi.fn();
    const flow = new Flow(
      node({
        exec: async (_: undefined, { emit, signal }) => {
          await emit(1n);
          signal.throwIfAborted();
        },
      }),
    );
    const events = await eventsOf(await createHandler(flow, { onError })(postForEvents({})));
    expect(events).toEqual([{ event: "error", data: { status: 500, message: "The flow failed" } }]);
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: "INVALID_OUTPUT" });
  });

  test("bad input is a plain 400, before any stream", async () => {
    const response = await createHandler(tokens(1))(postForEvents("{"));
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/json"]);
  });

  test.each([
    ["text/event-stream", true],
    ["application/json, text/event-stream", true],
    ["text/event-stream;q=0.5, application/json", false],
    ["text/event-stream;q=0", false],
    ["*/*", false],
    ["text/html, TEXT/EVENT-STREAM ; charset=utf-8", true],
    ["text/event-stream;q=x", false],
  ])("%s: %s", async (accept, streams) => {
    const response = await createHandler(tokens(1), { output: ["said"] })(post({ id: "a" }, { accept }));
    expect(response.headers.get("content-type")).toBe(streams ? "text/event-stream" : "application/json");
    await response.body?.cancel();
  });
});

describe("progress", () => {
  class Batch extends BatchNode<{ size: number }, number, number> {
    override *prep({ size }: { size: number }) {
      for (let n = 0; n < size; n++) yield n;
    }
    override exec(n: number) {
      return new Promise<number>((resolve) => setImmediate(resolve, n));
    }
  }
  class Counted extends Batch {
    override prep({ size }: { size: number }): never {
      return Array.from({ length: size }, (_, n) => n) as never;
    }
  }
  const progress = (events: Got[]) =>
    events.filter(({ event }) => event === "progress").map(({ data }) => data as { done: number });

  test("comes at most once in `progressEvery` ms for each batch, and its last one always", async () => {
    for (const flow of [new Flow(new Counted({ name: "Count" })), new Flow(new Batch({ name: "Count" }))]) {
      const handler = createHandler(flow, { progressEvery: 10_000 });
      const told = progress(await eventsOf(await handler(postForEvents({ size: 50 }))));
      expect(told.map(({ done }) => done)).toEqual([1, 50]);
      expect(told[1]).toMatchObject({ path: ["Flow", "Count"], failed: 0, rate: expect.any(Number) });
    }
  });

  test("comes for every item with `progressEvery: 0`", async () => {
    const handler = createHandler(new Flow(new Counted()), { progressEvery: 0 });
    expect(progress(await eventsOf(await handler(postForEvents({ size: 5 }))))).toHaveLength(5);
  });

  test("is held back while the reader is behind, all but the last", async () => {
    const flood = node({ exec: (_: undefined, { emit }) => void emit("x".repeat(20_000)) });
    flood.next(new Counted());
    const handler = createHandler(new Flow(flood) as Flow<{ size: number }>, { progressEvery: 0 });
    const response = await handler(postForEvents({ size: 30 }));
    for (let turns = 0; turns < 100; turns++) await turn();
    const told = progress(await eventsOf(response));
    expect(told.map(({ done }) => done)).toEqual([1, 30]);
  });
});

describe("a slow reader", () => {
  test("holds back a sender that awaits `emit`: what is unread stays small", async () => {
    let sent = 0;
    const flow = tokens(10_000, async () => {
      sent++;
    });
    const response = await createHandler(flow)(postForEvents({ id: "x".repeat(1_000) }));
    for (let turns = 0; turns < 20; turns++) await turn();
    const before = sent;
    expect(before).toBeLessThan(20);
    const reader = response.body!.getReader();
    await reader.read();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(sent).toBeGreaterThan(before);
    expect(sent).toBeLessThan(40);
    await reader.cancel();
  });

  test("ends the run of a sender that does not, once more than `limits.unread` is unread", async () => {
    const onError = vi.fn();
    let reason: unknown;
    const flow = new Flow(
      node({
        exec: async (_: undefined, { emit, signal }) => {
          for (let at = 0; !signal.aborted && at < 1e6; at++) {
            void emit("x".repeat(100));
            if (at % 10 === 0) await turn();
          }
          reason = signal.reason;
        },
      }),
    );
    const handler = createHandler(flow, { limits: { unread: 5_000 }, onError });
    const response = await handler(postForEvents({}));
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
    expect(reason).toMatchObject({
      code: "SLOW_READER",
      message: expect.stringContaining("`limits.unread`"),
    });
    expect(onError.mock.calls[0]?.[0]).toBe(reason);
    await expect(response.body!.getReader().read()).rejects.toBe(reason);
  });

  test("one event that is larger than the limit still passes", async () => {
    const flow = new Flow(node({ exec: (_: undefined, { emit }) => emit("x".repeat(50_000)) }));
    const handler = createHandler(flow, { limits: { unread: 1_000 } });
    expect(await eventsOf(await handler(postForEvents({})))).toHaveLength(2);
  });

  test("is given up when it takes nothing for `limits.stalled` ms, and not as long as it takes anything", async () => {
    const flow = tokens(1);
    const handler = createHandler(flow, { limits: { stalled: 15 }, output: ["said"], onError: () => {} });
    const response = await handler(postForEvents({ id: "a" }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(response.text()).rejects.toMatchObject({ code: "SLOW_READER" });
    expect(await eventsOf(await handler(postForEvents({ id: "a" })))).toHaveLength(2);
  });
});

test("a stream that has nothing to say sends a comment every `heartbeat` ms", async () => {
  const wait = node({ exec: () => new Promise((resolve) => setTimeout(resolve, 20)) });
  const text = await (await createHandler(new Flow(wait), { heartbeat: 5 })(postForEvents({}))).text();
  expect(text).toMatch(/^(: still here\n\n)+event: result\n/);
});

describe("a caller who hangs up aborts the run", () => {
  const untilAborted = new Flow(
    node({
      exec: async (_: undefined, { emit, signal }) => {
        await emit("begun");
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    }),
  );

  test("by cancelling the stream", async () => {
    const onError = vi.fn();
    const handler = createHandler(untilAborted, { onError });
    const response = await handler(postForEvents({}));
    const reader = response.body!.getReader();
    await reader.read();
    expect(handler.stats().running).toBe(1);
    await reader.cancel();
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
    expect(onError).not.toHaveBeenCalled();
  });

  test.each(["text/event-stream", "application/json"])("by the request's signal, for %s", async (accept) => {
    let [reason, hasBegun]: [unknown, boolean] = [undefined, false];
    const flow = new Flow(
      node({
        exec: (_: undefined, { signal }) =>
          new Promise((resolve) => {
            hasBegun = true;
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              resolve(undefined);
            });
          }),
      }),
    );
    const handler = createHandler(flow, { onError: (error) => expect.unreachable(String(error)) });
    const stop = new AbortController();
    const answer = handler(post({}, { accept, signal: stop.signal }));
    await vi.waitFor(() => expect(hasBegun).toBe(true));
    stop.abort();
    const response = await answer;
    if (accept === "application/json") expect(response.status).toBe(499);
    else await response.body?.cancel();
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
    expect(reason).toMatchObject({ code: "CLIENT_GONE" });
  });

  test("before the run has begun too, and then no hook is called", async () => {
    const stop = new AbortController();
    stop.abort();
    const prep = vi.fn();
    const response = await createHandler(new Flow(node({ prep })))(post({}, { signal: stop.signal }));
    expect(response.status).toBe(499);
    expect(prep).not.toHaveBeenCalled();
  });

  test("and leaves no listener on the signal of a request that went well", async () => {
    const stop = new AbortController();
    const request = post({ id: "a" }, { signal: stop.signal });
    const added = vi.spyOn(request.signal, "addEventListener");
    const removed = vi.spyOn(request.signal, "removeEventListener");
    await createHandler(tokens(1), { output: ["said"] })(request);
    expect(added.mock.calls.length).toBeGreaterThan(0);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });
});
