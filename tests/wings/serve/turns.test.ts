// Who gets the next place, what those who wait are sent, and how a run is bounded.
import { EventEmitter } from "eventemitter3";
import { Flow, node, type RunEvents } from "sluice";
import { createHandler, type HandlerOptions } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { Door } from "../../../src/wings/serve/door.js";
import { FairQueue } from "../../../src/wings/serve/fair-queue.js";
import { limitsOf } from "../../../src/wings/serve/limits.js";
import { eventsOf, post, postForEvents, turn } from "../../support/requests.js";

const settle = async () => {
  for (let turns = 0; turns < 8; turns++) await turn();
};

/** A handler whose runs end when they are told to; callers are of tenants. */
function tenants(limits: HandlerOptions["limits"], options: HandlerOptions<{ who: string }> = {}) {
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const flow = new Flow(
    node({
      prep: (shared: { who: string }) => shared.who,
      exec: (who) =>
        new Promise<void>((resolve) => {
          order.push(who);
          ends.push(resolve);
        }),
    }),
  );
  const key = (request: Request) => request.headers.get("x-tenant") ?? "";
  const handler = createHandler(flow, { ...options, limits: { running: 1, key, ...limits } });
  const call = (who: string, accept = "application/json") =>
    handler(post({ who }, { accept, headers: { "x-tenant": who.slice(0, 1) } }));
  const endOne = async () => {
    ends.shift()?.();
    await settle();
  };
  return { handler, call, endOne, order };
}

describe("callers of different keys take turns", () => {
  test("a tenant with 1,000 waiting delays another's first call by one turn", async () => {
    const { handler, call, endOne, order } = tenants({});
    const floods = Array.from({ length: 1_000 }, (_, at) => call(`a${at}`));
    await settle();
    const honest = call("b");
    await settle();
    expect(handler.stats()).toMatchObject({ running: 1, waiting: 1_000 });
    await endOne();
    await endOne();
    expect(order).toEqual(["a0", "a1", "b"]);
    await endOne();
    expect((await honest).status).toBe(200);
    await handler.close({ deadline: 0 });
    await Promise.all(floods);
  });

  test("when too many wait, the last of the key with the most gets 503, and one who floods refuses himself", async () => {
    const { handler, call } = tenants({ waiting: 3 });
    const floods = ["a0", "a1", "a2", "a3"].map((who) => call(who));
    await settle();
    const other = call("b0");
    expect((await floods[3])?.status).toBe(503);
    expect((await call("a4")).status).toBe(503);
    const third = call("c0");
    expect((await floods[2])?.status).toBe(503);
    expect((await call("b1")).status).toBe(503); // no other key has more than b would have
    expect(handler.stats()).toMatchObject({ running: 1, waiting: 3 });
    await handler.close({ deadline: 0 });
    await Promise.all([...floods, other, third]);
  });

  test("FairQueue gives turns round by round, and knows how many come before", () => {
    const queue = new FairQueue<{ key: string; bytes: number; at: number }>();
    const entries = ["a", "a", "a", "b", "c", "c"].map((key, at) => ({ key, at, bytes: 1 }));
    for (const entry of entries) queue.add(entry);
    expect([...queue.inOrder()].map(({ at }) => at)).toEqual([0, 3, 4, 1, 5, 2]);
    expect([queue.before("a"), queue.before("b"), queue.before("c")]).toEqual([5, 1, 4]);
    queue.remove(entries[3] as never);
    const shifted = Array.from({ length: 6 }, () => queue.shift()?.at);
    expect(shifted).toEqual([0, 4, 1, 5, 2, undefined]);
    expect([queue.size, queue.bytes]).toEqual([0, 0]);
  });
});

describe("a caller who waits", () => {
  test("gets a stream at once, with its place, and the result in the end", async () => {
    const { call, endOne, handler } = tenants({});
    const first = call("a0");
    await settle();
    const response = await call("b0", "text/event-stream");
    expect([response.status, handler.stats().waiting]).toEqual([200, 1]);
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe('event: queued\ndata: {"place":1}\n\n');
    await endOne();
    expect((await first).status).toBe(200);
    await endOne();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("event: result");
  });

  test("gets a comment in each `heartbeat`", async () => {
    const { call, handler } = tenants({}, { heartbeat: 3 });
    const first = call("a0");
    await settle();
    const reader = (await call("b0", "text/event-stream")).body!.getReader();
    await reader.read();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain(": still here");
    await reader.cancel();
    await vi.waitFor(() => expect(handler.stats().waiting).toBe(0));
    await handler.close({ deadline: 0 });
    await first;
  });

  test("gets its new place when that has changed, and no timer stays", async () => {
    const door = new Door(limitsOf({ running: 1 }), 2);
    const { signal } = new AbortController();
    const places: [string, number][] = [];
    const enter = (name: string) =>
      door.enter({ key: "", bytes: 0, signal, onPlace: (place) => places.push([name, place]) });
    const running = enter("a");
    const [b, c] = [enter("b"), enter("c")];
    expect(places).toEqual([
      ["b", 1],
      ["c", 2],
    ]);
    running.leave();
    await b.granted;
    await vi.waitFor(() => expect(places.at(-1)).toEqual(["c", 1]));
    b.leave();
    await c.granted;
    c.leave();
    expect(places).toHaveLength(3);
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBeLessThan(20);
  });

  test.each(["application/json", "text/event-stream"])(
    "gets 503 after `limits.queueTimeout`: %s",
    async (accept) => {
      const { call, handler } = tenants({ queueTimeout: 5 });
      const first = call("a0");
      await settle();
      const response = await call("b0", accept);
      if (accept === "application/json") {
        expect([response.status, response.headers.get("retry-after")]).toEqual([
          503,
          expect.stringMatching(/^\d+$/),
        ]);
      } else {
        const error = { status: 503, message: "No place came free within 5 ms" };
        expect((await eventsOf(response)).at(-1)).toEqual({ event: "error", data: error });
      }
      expect(handler.stats()).toMatchObject({ running: 1, waiting: 0 });
      await handler.close({ deadline: 0 });
      await first;
    },
  );
});

describe("a handler takes over what bounds and watches a run", () => {
  const two = () => {
    const first = node({ name: "First", exec: (_: undefined, { emit }) => emit("x") });
    first.next(node({ name: "Second" }));
    return new Flow(first, { name: "Two" });
  };

  test.each(["application/json", "text/event-stream"])("`around` and `events`: %s", async (accept) => {
    const events = new EventEmitter<RunEvents>();
    const seen: string[] = [];
    events.on("step", ({ phase, path }) => seen.push(`${phase} ${path.at(-1)}`));
    events.on("data", ({ data }) => seen.push(`data ${data}`));
    const around = vi.fn((_span, next) => next());
    const response = await createHandler(two(), { events, around })(post({}, { accept }));
    const text = await response.text();
    expect(seen).toEqual(["start First", "data x", "end First", "start Second", "end Second"]);
    expect(around).toHaveBeenCalled();
    if (accept !== "application/json") expect(text).toMatch(/^event: data\ndata: "x"\n\nevent: result\n/);
  });

  test("`maxSteps`", async () => {
    const onError = vi.fn();
    const response = await createHandler(two(), { maxSteps: 1, onError })(post({}));
    expect(response.status).toBe(500);
    await vi.waitFor(() => expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: "MAX_STEPS" }));
  });

  test("`timeout`, as 504 or as an event, and it aborts the run", async () => {
    let reason: unknown;
    const slow = node({
      exec: (_: undefined, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve();
          });
        }),
    });
    const handler = createHandler(new Flow(slow), { timeout: 5, onError: () => {} });
    expect((await handler(post({}))).status).toBe(504);
    expect(reason).toMatchObject({ code: "TIMEOUT" });
    const [event] = await eventsOf(await handler(postForEvents({})));
    expect(event).toMatchObject({ event: "error", data: { status: 504 } });
  });

  test("`drain` lets calls in flight end, and refuses who waits or comes", async () => {
    const drain = new AbortController();
    let end = () => {};
    const done = vi.fn();
    const first = node({
      exec: () => new Promise<void>((resolve) => (end = resolve)),
      post: done,
    });
    const second = vi.fn();
    first.next(node({ exec: second }));
    const handler = createHandler(new Flow(first), {
      drain: drain.signal,
      limits: { running: 1 },
      onError: () => expect.unreachable(),
    });
    const [running, waiting] = [handler(post({})), handler(post({}))];
    await vi.waitFor(() => expect(handler.stats()).toMatchObject({ running: 1, waiting: 1 }));
    drain.abort(new Error("a deploy"));
    expect((await waiting).status).toBe(503);
    expect((await handler(post({}))).status).toBe(503);
    end();
    expect((await running).status).toBe(503);
    expect(done).toHaveBeenCalledOnce();
    expect(second).not.toHaveBeenCalled();
    await handler.close();
  });
});
