// What a stranger sends slowly, or a lot of, must not keep others out.
import { Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { createHandler, type Handler } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { Holdings } from "../../../src/wings/serve/holdings.js";
import { post } from "../../support/requests.js";

const flow = new Flow(node({}));
/** A request whose body begins and never ends. */
const slow = (bytes = 1, url = "http://localhost/flow") => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{".padEnd(bytes))),
  });
  const headers = { "content-type": "application/json" };
  return new Request(url, { method: "POST", headers, body, duplex: "half" } as RequestInit);
};
const statusOf = async (answer: Promise<Response>) => (await answer).status;

describe("a body that never ends", () => {
  test("takes no place: 200 of them, and an honest caller is answered", async () => {
    const handler = createHandler(flow, { limits: { running: 2, waiting: 0 } });
    const stuck = Array.from({ length: 200 }, () => handler(slow()));
    expect(await statusOf(handler(post({ n: 1 })))).toBe(200);
    expect(handler.stats()).toEqual({ running: 0, waiting: 0, closed: false });
    await handler.close();
    expect(new Set(await Promise.all(stuck.map(statusOf)))).toEqual(new Set([503]));
  });

  test("gets 408 after `limits.arrival`, on the routes of runs too", async () => {
    const journal = await openJournal(":memory:");
    const runs = { authorize: () => true };
    const handler = createHandler(flow, { journal, runs, limits: { arrival: 10 } });
    for (const path of ["flow", "runs/a", "runs/a/answers/t"]) {
      expect(await statusOf(handler(slow(1, `http://localhost/${path}`)))).toBe(408);
    }
    await journal.close();
  });

  test.each([
    ["arriving: 3", { arriving: 3 }, 1],
    ["bodies: 3_000", { bodies: 3_000 }, 1_000],
  ])("is the first to go when there are too many: %s", async (_, limits, bytes) => {
    const handler = createHandler(flow, { limits });
    const ended: number[] = [];
    const begin = async (at: number) => {
      const answer = handler(slow(bytes));
      void answer.then(({ status }) => ended.push(at * 1_000 + status));
      await new Promise((resolve) => setTimeout(resolve, 1));
    };
    for (let at = 0; at < 3; at++) await begin(at);
    expect(ended).toEqual([]);
    expect(await statusOf(handler(post({ text: "x".repeat(bytes) })))).toBe(200);
    await vi.waitFor(() => expect(ended[0]).toBe(503));
    await handler.close();
  });
});

test("`waiting` callers hold at most `limits.bodies` bytes, and one more gets 503", async () => {
  let end = () => {};
  const held = new Flow(node({ exec: () => new Promise<void>((resolve) => (end = resolve)) }));
  const handler = createHandler(held, { limits: { running: 1, bodies: 2_500 } });
  const large = () => handler(post({ text: "x".repeat(1_000) }));
  const answers: Promise<Response>[] = [];
  for (let at = 0; at < 3; at++) {
    answers.push(large());
    await vi.waitFor(() => expect(handler.stats()).toMatchObject({ running: 1, waiting: at }));
  }
  expect(await statusOf(large())).toBe(503);
  for (let at = 0; at < 3; at++) {
    const before = end;
    end();
    if (at < 2) await vi.waitFor(() => expect(end).not.toBe(before));
  }
  expect(await Promise.all(answers.map(statusOf))).toEqual([200, 200, 200]);
});

test("unread streams hold at most `limits.bodies` bytes: the oldest are cut", async () => {
  const large = new Flow(
    node({ post: (shared: { text?: string }) => void (shared.text = "x".repeat(20_000)) }),
  );
  const handler = createHandler(large, { output: ["text"], limits: { bodies: 50_000 } });
  const streams = [];
  for (let at = 0; at < 4; at++) {
    streams.push(await handler(post({}, { accept: "text/event-stream" })));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const read = await Promise.all(
    streams.map((stream) =>
      stream.text().then(
        () => "read",
        (error) => error.code,
      ),
    ),
  );
  expect(read).toEqual(["SLOW_READER", "SLOW_READER", "read", "read"]);
});

describe("a function of the user that never settles", () => {
  const never = () => new Promise<never>(() => {});
  const forever = { "~standard": { version: 1 as const, vendor: "test", validate: never } };
  const stuckPrep = new Flow(node({ prep: never }));
  const cases: [string, (stuck: () => void) => Handler][] = [
    ["authorize", () => createHandler(flow, { authorize: never })],
    ["limits.key", () => createHandler(flow, { limits: { key: never } })],
    ["input", () => createHandler(flow, { input: forever })],
    [
      "toShared",
      () => createHandler(flow, { toShared: never, limits: { running: 1, grace: 5 }, onError: () => {} }),
    ],
    ["prep", () => createHandler(stuckPrep, { limits: { running: 1, grace: 5 }, onError: () => {} })],
    [
      "output",
      () => createHandler(flow, { output: never, limits: { running: 1, grace: 5 }, onError: () => {} }),
    ],
  ];
  for (const accept of ["application/json", "text/event-stream"]) {
    test.each(cases)(
      `%s: ${accept}: its place comes free when the caller hangs up, and close() resolves`,
      async (_, make) => {
        const handler = make(() => {});
        const stop = new AbortController();
        const first = handler(post({}, { accept, signal: stop.signal }));
        await new Promise((resolve) => setTimeout(resolve, 5));
        stop.abort();
        await (await first).body?.cancel();
        await vi.waitFor(() => expect(handler.stats()).toMatchObject({ running: 0, waiting: 0 }));
        const second = handler(post({}, { accept }));
        await new Promise((resolve) => setTimeout(resolve, 5));
        await handler.close({ deadline: 1 });
        const { status } = await second;
        expect([200, 503]).toContain(status); // a stream has begun
      },
    );
  }

  test("`limits.arrival` ends it too, as a failure of ours", async () => {
    const onError = vi.fn();
    const handler = createHandler(flow, { authorize: never, limits: { arrival: 5 }, onError });
    expect(await statusOf(handler(post({})))).toBe(504);
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce());
    expect(onError.mock.calls[0]?.[0]).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("authorize"),
    });
  });

  test("`onError` gets a HOOK_STUCK, with why the run was aborted", async () => {
    const onError = vi.fn();
    const handler = createHandler(stuckPrep, { timeout: 5, limits: { grace: 5 }, onError });
    expect(await statusOf(handler(post({})))).toBe(504);
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2));
    expect(onError.mock.calls.map(([error]) => error.code)).toEqual(["HOOK_STUCK", "TIMEOUT"]);
    expect(onError.mock.calls[0]?.[0].cause.code).toBe("TIMEOUT");
  });

  test("on the routes of runs: `runs.authorize`, and `runs.shared` of a run that goes on", async () => {
    const journal = await openJournal(":memory:");
    const ask = new Flow(node({ exec: (_: undefined, ctx) => ctx.ask<string>("go?") }));
    const deaf = createHandler(ask, { journal, runs: { authorize: never } });
    for (const method of ["GET", "POST"]) {
      const stop = new AbortController();
      const answer = deaf(new Request("http://localhost/runs/a", { method, signal: stop.signal }));
      stop.abort();
      expect(await statusOf(answer)).toBe(499);
    }
    const limits = { running: 1, grace: 5 };
    const runs = { authorize: () => true, shared: never };
    const handler = createHandler(ask, { journal, runs, limits, onError: () => {} });
    expect(await statusOf(handler(post({}, {})))).toBe(202);
    const [first] = await journal.runs();
    const stop = new AbortController();
    const url = `http://localhost/runs/${first?.id}`;
    const goesOn = handler(new Request(url, { method: "POST", signal: stop.signal }));
    await vi.waitFor(() => expect(handler.stats().running).toBe(1));
    stop.abort();
    expect(await statusOf(goesOn)).toBe(499);
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
    await Promise.all([deaf.close({ deadline: 0 }), handler.close({ deadline: 0 })]);
    await journal.close();
  });
});

test("Holdings ends the oldest, and counts no bytes of what has ended", () => {
  const ended: string[] = [];
  const holdings = new Holdings(2, 10);
  const add = (name: string, bytes: number) => holdings.add(bytes, () => ended.push(name));
  const a = add("a", 4);
  add("b", 4);
  a.release();
  a.grow(100);
  add("c", 6);
  expect(ended).toEqual([]);
  add("d", 0);
  expect(ended).toEqual(["b"]);
  add("e", 11);
  expect(ended).toEqual(["b", "c", "d", "e"]);
  add("f", 10);
  expect(ended).toEqual(["b", "c", "d", "e"]);
});
