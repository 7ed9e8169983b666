import { EventEmitter } from "eventemitter3";
import { type Context, Flow, Gate, node, type RunEvents, SluiceError } from "sluice";
import { createHandler, RemoteError, type RemoteOptions, remote } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { piecewise, turn } from "../../support/requests.js";

interface Shared {
  n: number;
  doubled?: number;
}
const double = new Flow(
  node({
    prep: (shared: Shared) => shared.n,
    exec: async (n, { emit }) => {
      for (const token of ["a", "b"]) await emit(`${token}${n}`);
      return n * 2;
    },
    post: (shared, _n, doubled) => {
      shared.doubled = doubled;
    },
  }),
);
const output = (shared: object) => shared;
const url = "http://service.test/double";
const over =
  (handler: (request: Request) => Promise<Response>): typeof fetch =>
  (input, init) =>
    handler(new Request(input as URL, init));
const answering =
  (...responses: (() => Response)[]): typeof fetch =>
  async () =>
    (responses.length > 1 ? responses.shift()! : responses[0]!)();
const stream = (...pieces: string[]) =>
  new Response(piecewise(pieces), { headers: { "content-type": "text/event-stream" } });
const failureOf = (options: RemoteOptions, shared: object = { n: 1 }): Promise<RemoteError> =>
  new Flow(remote(url, options)).run(shared).then(
    () => expect.unreachable("it should have failed"),
    (error) => error,
  );

describe("a call of a handler", () => {
  test("sends the store, and writes the result's keys into it", async () => {
    const shared: Shared = { n: 21 };
    await new Flow(remote(url, { fetch: over(createHandler(double, { output })) })).run(shared);
    expect(shared).toEqual({ n: 21, doubled: 42 });
  });

  test("or what `prep` gives, and hands the result to `post`, whose action is followed", async () => {
    const there = remote(url, {
      fetch: over(createHandler(double, { output: ({ doubled }) => ({ doubled }) })),
      result: z.object({ doubled: z.number() }),
      prep: (shared: { numbers: number[]; last?: number }) => ({ n: shared.numbers[0] }),
      post: (shared, input, { doubled }) => {
        shared.last = doubled + (input.n ?? 0);
        return "done" as const;
      },
    });
    const shared: { numbers: number[]; last?: number } = { numbers: [5] };
    there.on("done", node({ post: (s: { last?: number }) => void (s.last = (s.last ?? 0) + 1) }));
    await new Flow(there).run(shared);
    expect(shared.last).toBe(16);
  });

  test("streams the data on through its own `emit`, as that of its own node", async () => {
    const events = new EventEmitter<RunEvents>();
    const got: unknown[] = [];
    events.on("data", ({ data, path }) => got.push([data, path]));
    const there = remote(url, { name: "There", fetch: over(createHandler(double, { output })) });
    await new Flow(there, { name: "Here" }).run({ n: 3 }, { events });
    expect(got).toEqual([
      ["a3", ["Here", "There"]],
      ["b3", ["Here", "There"]],
    ]);
  });

  test("sends headers, made anew for each attempt", async () => {
    const seen: (string | null)[] = [];
    const handler = createHandler(double, { output });
    const service = over(async (request) => {
      seen.push(request.headers.get("authorization"));
      return seen.length === 1 ? new Response("", { status: 502 }) : handler(request);
    });
    const headers = ({ attempt }: Context) => ({ authorization: `Bearer ${attempt}` });
    await new Flow(remote(url, { fetch: service, headers, attempts: 2 })).run({ n: 1 });
    expect(seen).toEqual(["Bearer 0", "Bearer 1"]);
  });

  test("takes plain JSON from a service that does not stream", async () => {
    const shared: Shared = { n: 1 };
    await new Flow(remote(url, { fetch: answering(() => Response.json({ doubled: 7 })) })).run(shared);
    expect(shared.doubled).toBe(7);
  });

  test("cannot change the store's prototype", async () => {
    const text = '{"__proto__": {"polluted": true}, "doubled": 2}';
    const fetch = answering(() => new Response(text, { headers: { "content-type": "application/json" } }));
    const shared: Shared & { polluted?: boolean } = { n: 1 };
    const error = await failureOf({ fetch }, shared);
    expect(error).toMatchObject({ code: "REMOTE_BROKEN", message: expect.stringContaining("`__proto__`") });
    expect(shared).toEqual({ n: 1 });
    expect(shared.polluted).toBe(undefined);
  });
});

describe("errors come back as errors", () => {
  test("400 with the path of the fault", async () => {
    const handler = createHandler(double, { input: z.object({ n: z.number() }) });
    const error = await failureOf({ name: "There", fetch: over(handler) }, { n: "one" });
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ name: "RemoteError", code: "REMOTE_FAILED", status: 400 });
    expect(error.issues).toEqual([{ path: ["n"], message: expect.stringMatching(/number/) }]);
    expect(error.message).toMatch(
      /^"There" \(http:\/\/service\.test\/double\) answered 400: Invalid input; n: .*number/,
    );
  });

  test("500, before the stream and within it", async () => {
    const failing = new Flow(
      node({
        exec: async (_: undefined, { emit }) => {
          await emit("half");
          throw new Error("hunter2");
        },
      }),
    );
    const handler = createHandler(failing, { onError: () => {} });
    const error = await failureOf({ fetch: over(handler) });
    expect(error).toMatchObject({ code: "REMOTE_FAILED", status: 500 });
    expect(error.message).not.toContain("hunter2");
    const toShared = () => Promise.reject(new Error("hunter2"));
    const early = await failureOf({ fetch: over(createHandler(failing, { toShared, onError: () => {} })) });
    expect(early).toMatchObject({ code: "REMOTE_FAILED", status: 500 });
  });

  test("401 of a proxy that says it in its own way", async () => {
    const error = await failureOf({ fetch: answering(() => new Response("<h1>no</h1>", { status: 401 })) });
    expect(error).toMatchObject({ code: "REMOTE_FAILED", status: 401 });
    expect(error.message).toContain("answered 401: no reason was given");
  });

  test("a service that is not there", async () => {
    const there = remote("http://127.0.0.1:9/"); // the discard port: nobody listens
    const error = await new Flow(there).run({}).catch((reason) => reason);
    expect(error).toMatchObject({ code: "REMOTE_BROKEN", status: undefined });
    expect(error.message).toMatch(/could not be reached: .+/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test.each<[string, () => Response, string]>([
    [
      "a stream that ends without a result",
      () => stream('event: data\ndata: "a"\n\n'),
      "ended its stream without a result",
    ],
    [
      "a stream that ends within its result",
      () => stream('event: result\ndata: {"doubled": 4}\n'),
      "without a result",
    ],
    ["a stream with invalid JSON", () => stream("event: result\ndata: {\n\n"), "invalid JSON"],
    [
      "a stream that is cut",
      () => {
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('event: data\ndata: "a"\n\n')),
          pull: (controller) => controller.error(new Error("ECONNRESET")),
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
      "did not complete its answer: ECONNRESET",
    ],
    ["an answer that is no JSON", () => new Response("hello"), "invalid JSON"],
    ["no answer", () => new Response(null, { status: 204 }), "invalid JSON"],
  ])("%s is never half an answer", async (_, response, message) => {
    const shared: Shared = { n: 1 };
    const error = await failureOf({ fetch: answering(response) }, shared);
    expect(error).toMatchObject({ code: "REMOTE_BROKEN", message: expect.stringContaining(message) });
    expect(shared).toEqual({ n: 1 });
  });

  test("a result that is not as `result` says, with its path", async () => {
    const error = await failureOf({
      fetch: over(createHandler(double, { output })),
      result: z.object({ doubled: z.string() }),
      attempts: 3,
    });
    expect(error).toMatchObject({ code: "REMOTE_FAILED", status: 200, issues: [{ path: ["doubled"] }] });
  });

  test("a result that is no object, where it would be written into the store", async () => {
    const error = await failureOf({ fetch: answering(() => Response.json([1])) });
    expect(error.message).toContain("take another one with `post`");
  });

  test("an event over `maxEvent`", async () => {
    const error = await failureOf({
      fetch: answering(() => stream(`data: ${"x".repeat(200)}`)),
      maxEvent: 100,
    });
    expect(error.message).toContain("more than `maxEvent: 100` characters");
  });
});

describe("attempts, timeout, abort and gate are those of the node", () => {
  test("what may pass is tried again; what a client did wrong is not", async () => {
    for (const [status, calls] of [
      [500, 3],
      [502, 3],
      [504, 3],
      [408, 3],
      [400, 1],
      [401, 1],
      [404, 1],
      [413, 1],
    ]) {
      const fetch = vi.fn(answering(() => new Response("{}", { status: status as number })));
      expect(await failureOf({ fetch, attempts: 3 })).toMatchObject({ status });
      expect(fetch, `status ${status}`).toHaveBeenCalledTimes(calls as number);
    }
    const shared: Shared = { n: 4 };
    const handler = createHandler(double, { output });
    let calls = 0;
    const flaky = over(async (request) => (calls++ === 0 ? stream("event: data\n") : handler(request)));
    await new Flow(remote(url, { fetch: flaky, attempts: 2 })).run(shared);
    expect(shared.doubled).toBe(8);
  });

  test("`execFallback` takes the place of a call that failed", async () => {
    const shared: Shared = { n: 1 };
    const fetch = answering(() => new Response("", { status: 500 }));
    await new Flow(remote(url, { fetch, execFallback: () => ({ doubled: -1 }) })).run(shared);
    expect(shared.doubled).toBe(-1);
  });

  const hanging = () => {
    const handler = createHandler(
      new Flow(
        node({
          exec: (_: undefined, { signal }) =>
            new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        }),
      ),
    );
    return { handler, fetch: over(handler) };
  };

  test("an abort rejects with its reason and ends the run at the other end", async () => {
    const { handler, fetch } = hanging();
    const stop = new AbortController();
    const run = new Flow(remote(url, { fetch, attempts: 3 })).run({}, { signal: stop.signal });
    const failure = run.catch((error) => error);
    await vi.waitFor(() => expect(handler.stats().running).toBe(1));
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await failure).toBe(reason);
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
  });

  test("a timeout does so too, and may be tried again", async () => {
    const { handler, fetch } = hanging();
    const called = vi.fn(fetch);
    expect(await failureOf({ fetch: called, timeout: 10, attempts: 2 })).toMatchObject({ code: "TIMEOUT" });
    expect(called).toHaveBeenCalledTimes(2);
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
  });

  test.each([429, 503])("%i with Retry-After pauses the gate, and is no attempt", async (status) => {
    const gate = new Gate();
    const headers = { "retry-after": "0.03" };
    const handler = createHandler(double, { output });
    let calls = 0;
    const times: number[] = [];
    const service = over(async (request) => {
      times.push(performance.now());
      return calls++ === 0 ? new Response("", { status, headers }) : handler(request);
    });
    await new Flow(remote(url, { fetch: service, gate })).run({ n: 1 });
    expect(gate.stats()).toMatchObject({ refused: 1, started: 2 });
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(29);
  });

  test("the 503 of a busy handler reaches the gate as it is", async () => {
    const handler = createHandler(double, { output });
    await handler.close();
    const gate = new Gate({ maxPauses: 0 });
    const error = await failureOf({ fetch: over(handler), gate });
    expect(error.status).toBe(503);
    expect(error.headers?.get("retry-after")).toBe("1");
    expect(gate.stats().refused).toBe(1);
  });

  test("503 without Retry-After pauses nothing", async () => {
    const gate = new Gate();
    const error = await failureOf({ fetch: answering(() => new Response("", { status: 503 })), gate });
    expect(error.status).toBe(503);
    expect(gate.stats().refused).toBe(0);
  });

  test("a slow reader at this end slows the sender at the other", async () => {
    let sent = 0;
    const source = new Flow(
      node({
        exec: async (_: undefined, { emit }) => {
          for (; sent < 5_000; sent++) await emit("x".repeat(1_000));
        },
      }),
    );
    const relay = createHandler(new Flow(remote(url, { fetch: over(createHandler(source)) })));
    const request = new Request(url, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
    });
    const response = await relay(request);
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(100);
    await response.body?.cancel();
  });
});

describe("a hostile service", () => {
  const redirect = (location: string, status = 307) => new Response(null, { status, headers: { location } });

  test("gets input and headers for its own origin alone: redirects elsewhere are refused", async () => {
    for (const target of [
      "http://169.254.169.254/latest",
      "https://service.test/double",
      "//evil.test/",
      "file:///etc/passwd",
      "data:,x",
    ]) {
      for (const status of [301, 302, 303, 307, 308]) {
        const fetch = vi.fn(answering(() => redirect(target, status)));
        const error = await failureOf({ fetch, attempts: 3, headers: { authorization: "Bearer S3CRET" } });
        expect(error).toMatchObject({ code: "REMOTE_FAILED", status });
        expect(error.message).toContain("to another origin");
        expect(fetch).toHaveBeenCalledOnce();
      }
    }
  });

  test("is followed within its origin, by POST with the same body, up to a limit", async () => {
    const seen: [string, string][] = [];
    const fetch = over(async (request) => {
      seen.push([request.url, await request.clone().text()]);
      return request.url === url ? redirect("/moved", 308) : createHandler(double, { output })(request);
    });
    const shared: Shared = { n: 2 };
    await new Flow(remote(url, { fetch })).run(shared);
    expect(shared.doubled).toBe(4);
    expect(seen).toEqual([
      [url, '{"n":2}'],
      ["http://service.test/moved", '{"n":2}'],
    ]);
    expect((await failureOf({ fetch: answering(() => redirect("/double")) })).message).toContain(
      "more than 5 times",
    );
    expect((await failureOf({ fetch: answering(() => redirect("/double", 303)) })).message).toContain(
      "asks for a GET",
    );
  });

  test("no credential is in a message: not of the query, nor of a header, nor said back", async () => {
    const secrets = ["S3CRET-KEY", "QU3RY-TOKEN", "hunter2000"];
    const options = { headers: { authorization: "Bearer S3CRET-KEY", "x-password": "hunter2000" } };
    const said = JSON.stringify({
      error: { message: `no QU3RY-TOKEN, S3CRET-KEY, hunter2000 \u001b[31m`, status: 401 },
    });
    const services: (typeof fetch)[] = [
      answering(() => new Response(said, { status: 401 })),
      answering(() => stream(`event: error\ndata: ${said.slice(9, -1)}\n\n`)),
      async () => Promise.reject(new Error(`cannot reach it with ${secrets.join(", ")}`)),
      answering(() => new Response(`S3CRET-KEY ${secrets}`)),
    ];
    for (const service of services) {
      const there = remote(`${url}?token=QU3RY-TOKEN`, { ...options, fetch: service });
      const error = await new Flow(there).run({}).catch((reason) => reason);
      expect(error).toBeInstanceOf(RemoteError);
      for (const secret of [...secrets, "\u001b"])
        expect(`${error.message} ${error.stack}`).not.toContain(secret);
    }
    const bad = await failureOf({ fetch: services[0], headers: { authorization: "S3CRET\nKEY" } }).catch(
      (error) => error,
    );
    expect([bad.code, bad.message.includes("S3CRET")]).toEqual(["INVALID_OPTION", false]);
    expect(bad.cause).toBe(undefined);
  });

  test.each(["http://user:S3CRET@x.test/", "http://S3CRET@x.test/", "ht!tp://user:S3CRET@x"])(
    "a URL with credentials is refused without them: %#",
    (address) => {
      expect(() => remote(address)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION", message: expect.not.stringContaining("S3CRET") }),
      );
      expect(() => remote("http://x.test/?key=S3CRET", { nme: 1 } as never)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining("S3CRET") }),
      );
    },
  );

  test("deep JSON is an error of the call", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    for (const response of [() => new Response(deep), () => stream(`event: result\ndata: ${deep}\n\n`)]) {
      expect((await failureOf({ fetch: answering(response) })).message).toContain("at most 1000 levels");
    }
  });
});

describe("invalid options throw at once", () => {
  test.each<[unknown, object, string, string]>([
    [
      "rank",
      {},
      "INVALID_OPTION",
      'remote(): expected `url` to be a URL such as http://127.0.0.1:8787/rank, got "rank"',
    ],
    ["ftp://x/", {}, "INVALID_OPTION", "a URL such as"],
    [url, { attemps: 1 }, "UNKNOWN_OPTION", "did you mean `attempts`?"],
    [url, { input: () => 1 }, "UNKNOWN_OPTION", "write `prep`"],
    [url, { headers: "x" }, "INVALID_OPTION", "an object of headers"],
    [url, { result: {} }, "INVALID_OPTION", "a Standard Schema"],
    [url, { timeout: -1 }, "INVALID_OPTION", "`timeout`"],
  ])("%#", (address, options, code, message) => {
    const make = () => remote(address as string, options as RemoteOptions);
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});
