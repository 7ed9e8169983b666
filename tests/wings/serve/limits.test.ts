import { Flow, node } from "sluice";
import { createHandler, type HandlerLimits } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { eventsOf, post, postForEvents, turn } from "../../support/requests.js";

/** A flow whose runs end when they are told to. */
function held(limits: HandlerLimits = {}) {
  const runs: { id: number; signal: AbortSignal; end: () => void }[] = [];
  const flow = new Flow(
    node({
      prep: (shared: { id: number }) => shared.id,
      exec: (id, { signal }) =>
        new Promise<void>((resolve, reject) => {
          runs.push({ id, signal, end: resolve });
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    }),
  );
  const handler = createHandler(flow, { limits });
  const ask = (id: number, signal?: AbortSignal) => handler(post({ id }, signal && { signal }));
  return { handler, ask, runs };
}
const settle = async () => {
  for (let turns = 0; turns < 5; turns++) await turn();
};

describe("limits.running and limits.waiting", () => {
  test("so many run, so many wait in their order, and one more gets 503 with Retry-After", async () => {
    const { handler, ask, runs } = held({ running: 2, waiting: 2 });
    const answers = [0, 1, 2, 3].map((id) => ask(id));
    await settle();
    expect(handler.stats()).toEqual({ running: 2, waiting: 2, closed: false });
    expect(runs.map(({ id }) => id)).toEqual([0, 1]);

    const refused = await ask(4);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toEqual({
      error: { status: 503, message: expect.stringContaining("2 callers wait") },
    });

    runs[0]!.end();
    await settle();
    expect(runs.map(({ id }) => id)).toEqual([0, 1, 2]);
    runs[1]!.end();
    await settle();
    runs[2]!.end();
    runs[3]!.end();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(handler.stats()).toEqual({ running: 0, waiting: 0, closed: false });
  });

  test("`waiting: 0` refuses at once, and a place that comes free is given again", async () => {
    const { ask, runs } = held({ running: 1, waiting: 0 });
    const first = ask(0);
    await settle();
    expect((await ask(1)).status).toBe(503);
    runs[0]!.end();
    expect((await first).status).toBe(200);
    const second = ask(2);
    await settle();
    runs[1]!.end();
    expect((await second).status).toBe(200);
  });

  test("a caller who hangs up while waiting leaves the queue and never runs", async () => {
    const { handler, ask, runs } = held({ running: 1, waiting: 1 });
    const stop = new AbortController();
    const [first, second] = [ask(0), ask(1, stop.signal)];
    await settle();
    stop.abort();
    expect((await second).status).toBe(499);
    expect(handler.stats().waiting).toBe(0);
    const third = ask(2);
    await settle();
    runs[0]!.end();
    await settle();
    expect(runs.map(({ id }) => id)).toEqual([0, 2]);
    runs[1]!.end();
    await Promise.all([first, third]);
  });

  test("bad requests give their places back", async () => {
    const { handler, ask, runs } = held({ running: 1, waiting: 0, body: 20 });
    for (const body of ["{", '"no object"', "x".repeat(30)]) {
      expect((await handler(post(body))).status).toBeGreaterThanOrEqual(400);
    }
    const last = ask(1);
    await settle();
    runs[0]!.end();
    expect((await last).status).toBe(200);
  });

  test("a stream gives its place back when its run has ended, read or not", async () => {
    const handler = createHandler(new Flow(node({})), { limits: { running: 1, waiting: 0 } });
    const response = await handler(postForEvents({}));
    await settle();
    expect((await handler(post({}))).status).toBe(200);
    expect((await eventsOf(response)).map(({ event }) => event)).toEqual(["result"]);
  });
});

describe("close()", () => {
  test("refuses new and waiting callers with 503, and resolves when the running calls have ended", async () => {
    const { handler, ask, runs } = held({ running: 1 });
    const [running, waiting] = [ask(0), ask(1)];
    await settle();
    let closed = false;
    const closing = handler.close().then(() => {
      closed = true;
    });
    for (const response of [await waiting, await ask(2)]) {
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    await settle();
    expect(closed).toBe(false);
    expect(handler.stats()).toEqual({ running: 1, waiting: 0, closed: true });
    runs[0]!.end();
    expect((await running).status).toBe(200);
    await closing;
    expect(runs.map(({ id }) => id)).toEqual([0]);
  });

  test("lets streams be read to their end", async () => {
    const handler = createHandler(new Flow(node({ exec: (_: undefined, { emit }) => emit("x") })));
    const response = await handler(postForEvents({}));
    const closing = handler.close();
    expect((await eventsOf(response)).map(({ event }) => event)).toEqual(["data", "result"]);
    await closing;
  });

  test("with a deadline aborts what still runs then, which is no error of the service", async () => {
    const { handler, ask, runs } = held();
    const json = ask(0);
    const stream = await handler(postForEvents({ id: 1 }));
    await settle();
    const events = eventsOf(stream);
    const closing = handler.close();
    await handler.close({ deadline: 5 });
    await closing;
    expect(runs[0]!.signal.reason).toMatchObject({ code: "HANDLER_CLOSED" });
    expect((await json).status).toBe(503);
    expect((await json).headers.get("retry-after")).toBe("1");
    expect(await events).toEqual([
      { event: "error", data: { status: 503, message: "The service is closing" } },
    ]);
  });

  test("leaves no timer behind when all have ended before the deadline", async () => {
    const clear = vi.spyOn(globalThis, "clearTimeout");
    await held().handler.close({ deadline: 60_000 });
    expect(clear).toHaveBeenCalledWith(expect.objectContaining({ hasRef: expect.any(Function) }));
    clear.mockRestore();
  });

  test("refuses options that it does not know", async () => {
    await expect(held().handler.close({ deadine: 5 } as never)).rejects.toMatchObject({
      code: "UNKNOWN_OPTION",
    });
  });
});
