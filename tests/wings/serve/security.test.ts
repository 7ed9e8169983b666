// What strangers and pages of other sites send.
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { serve } from "@hono/node-server";
import { Flow, node, SluiceError } from "sluice";
import { openJournal } from "sluice/journal";
import { createHandler, type Handler, Refusal } from "sluice/serve";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { parseJson } from "../../../src/wings/serve/parse-json.js";
import { eventsOf, post, postForEvents } from "../../support/requests.js";
import { inWords, sized } from "../../support/size.js";

const flow = new Flow(node({ post: (shared: { n?: number }) => void shared.n }));

describe("authorize", () => {
  test("is called before the body is read, for the routes of runs too, and its Refusal is the answer", async () => {
    const journal = await openJournal(":memory:");
    const order: string[] = [];
    const runs = {
      authorize: () => {
        order.push("runs");
        return true;
      },
    };
    const authorize = (request: Request) => {
      order.push("authorize");
      expect(request.bodyUsed).toBe(false);
      if (request.headers.get("authorization") !== "me") {
        throw new Refusal(401, "Who are you?", { headers: { "www-authenticate": "Bearer" } });
      }
    };
    const onError = vi.fn();
    const handler = createHandler(flow, { journal, runs, authorize, onError });
    for (const [method, path] of [
      ["POST", ""],
      ["POST", "runs/a"],
      ["GET", "runs/a"],
      ["HEAD", "runs/a"],
      ["POST", "runs/a/answers/t"],
    ]) {
      const body = new ReadableStream({ pull: () => expect.unreachable() }, { highWaterMark: 0 });
      const init = { method: method as string, ...(method === "POST" && { body, duplex: "half" }) };
      const response = await handler(new Request(`http://localhost/${path}`, init as RequestInit));
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      if (method !== "HEAD")
        expect(await response.json()).toEqual({ error: { status: 401, message: "Who are you?" } });
    }
    expect(new Set(order)).toEqual(new Set(["authorize"]));
    expect((await handler(post({}, { headers: { authorization: "me" } }))).status).toBe(200);
    expect(onError).not.toHaveBeenCalled();
    await journal.close();
  });

  test.each([
    [false, 403],
    [null, 403],
    ["", 403],
    [true, 200],
    [undefined, 200],
  ])("%j is %i", async (given, status) => {
    const handler = createHandler(flow, { authorize: async () => given as boolean });
    expect((await handler(post({}))).status).toBe(status);
  });

  test("an error that is no Refusal is a 500, whatever its status says", async () => {
    const onError = vi.fn();
    const error = Object.assign(new Error("db is down"), { status: 401 });
    const handler = createHandler(flow, { authorize: () => Promise.reject(error), onError });
    expect((await handler(post({}))).status).toBe(500);
    await vi.waitFor(() => expect(onError.mock.calls[0]?.[0]).toBe(error));
  });

  test("a Refusal of `toShared`, `output` or a hook is the answer too, as JSON and in a stream", async () => {
    const refuse = () => {
      throw new Refusal(403, "Not yours");
    };
    const hook = new Flow(node({ prep: refuse }));
    for (const handler of [
      createHandler(flow, { toShared: refuse }),
      createHandler(flow, { output: refuse }),
      createHandler(hook),
    ]) {
      expect((await handler(post({}))).status).toBe(403);
      expect(await eventsOf(await handler(postForEvents({})))).toEqual([
        { event: "error", data: { status: 403, message: "Not yours" } },
      ]);
    }
  });

  test("a Refusal has a status of an error", () => {
    for (const status of [200, 302, 600, 401.5, "401"]) {
      expect(() => new Refusal(status as number, "x")).toThrow(SluiceError);
    }
  });
});

describe("pages of other origins", () => {
  const called = vi.fn();
  const watched = new Flow(node({ post: called }));
  const open = createHandler(watched, { origins: ["https://app.example"] });
  const closed = createHandler(watched);

  test.each<[string, Record<string, string>, number, number]>([
    ["a program, which sends neither header", {}, 200, 200],
    ["a page of the same origin", { origin: "http://localhost", "sec-fetch-site": "same-origin" }, 200, 200],
    ["what the user typed", { "sec-fetch-site": "none" }, 200, 200],
    ["a page of another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }, 403, 403],
    ["a sandboxed page", { origin: "null", "sec-fetch-site": "cross-site" }, 403, 403],
    ["a page of a sister site", { origin: "https://b.localhost", "sec-fetch-site": "same-site" }, 403, 403],
    ["a listed page", { origin: "https://app.example", "sec-fetch-site": "cross-site" }, 200, 403],
    ["an old browser's page of the same host", { origin: "https://localhost" }, 200, 200],
    ["an old browser's page of another host", { origin: "https://evil.example" }, 403, 403],
  ])("%s", async (_, headers, whenListed, otherwise) => {
    for (const [handler, status] of [
      [open, whenListed],
      [closed, otherwise],
    ] as [Handler, number][]) {
      called.mockClear();
      const response = await handler(post({}, { headers }));
      expect(response.status).toBe(status);
      expect(called).toHaveBeenCalledTimes(status === 200 ? 1 : 0);
      const isListed = handler === open && headers.origin === "https://app.example";
      expect(response.headers.get("access-control-allow-origin")).toBe(isListed ? headers.origin! : null);
      expect(response.headers.get("access-control-allow-credentials")).toBe(null);
    }
  });

  test("a preflight succeeds only for listed origins; authorize is not called", async () => {
    const authorize = vi.fn(() => false);
    const ask = (origin: string, origins?: string[] | "*") =>
      createHandler(watched, { authorize, ...(origins && { origins }) })(
        new Request("http://localhost/", {
          method: "OPTIONS",
          headers: {
            origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-key",
          },
        }),
      ).then(({ headers }) => [
        headers.get("access-control-allow-origin"),
        headers.get("access-control-allow-headers"),
      ]);
    expect(await ask("https://app.example", ["https://app.example"])).toEqual([
      "https://app.example",
      "content-type,x-key",
    ]);
    expect(await ask("https://evil.example", ["https://app.example"])).toEqual([null, null]);
    expect(await ask("https://app.example")).toEqual([null, null]);
    expect(await ask("https://app.example", "*")).toEqual(["*", "content-type,x-key"]);
    expect(authorize).not.toHaveBeenCalled();
  });

  test("a form cannot send what is taken, and no answer is a page", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/plain; application/json",
      "",
    ]) {
      const response = await closed(post("{}", { headers: { "content-type": type } }));
      expect(response.status).toBe(415);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("untrusted JSON", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const bodies: [string, string][] = [
    ["a million levels", `{"a":${nested(500_000)}}`],
    ["101 levels", `{"a":${nested(100)}}`],
    ["levels that never close", "[".repeat(1_000_000)],
    ["__proto__", '{"__proto__":{"polluted":true}}'],
    ["__proto__ inside", '{"a":[{"b":{"__proto__":1}}]}'],
    ["__proto__ with escapes", '{"\\u005f_proto__":{"polluted":true}}'],
    ["constructor.prototype", '{"constructor":{"prototype":{"polluted":true}}}'],
  ];
  test.each(bodies)("%s is 400 before a schema sees it, on the routes of runs too", async (_, body) => {
    const journal = await openJournal(":memory:");
    const validate = vi.fn();
    const input = { "~standard": { version: 1 as const, vendor: "x", validate } };
    const handler = createHandler(flow, { input, journal, runs: { authorize: () => true } });
    for (const path of ["flow", "runs/a", "runs/a/answers/t"]) {
      const headers = { "content-type": "application/json" };
      const response = await handler(
        new Request(`http://localhost/${path}`, { method: "POST", headers, body }),
      );
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: { issues: [] } }).error.issues).toHaveLength(1);
    }
    expect(validate).not.toHaveBeenCalled();
    await journal.close();
  });

  test("brackets in strings are no levels, and harmless keys stay", () => {
    const text = JSON.stringify({ a: '[[["\\', "b\\": "}]{{", constructor: 1, c: "__proto__", d: [[1]] });
    expect(parseJson(text, 3)).toEqual(JSON.parse(text));
    expect(() => parseJson(text, 2)).toThrow("at most 2 levels");
  });
});

/** Sends bytes, and gives the status lines of what comes back. */
async function say(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => (answer += text));
  socket.on("error", () => {});
  const closed = once(socket, "close").catch(() => {});
  socket.end(bytes);
  await closed;
  return answer;
}

async function listen(handler: Handler): Promise<number> {
  const server = serve({ fetch: handler, hostname: "127.0.0.1", port: 0 });
  if (!server.listening) await once(server, "listening");
  onTestFinished(async () => {
    await handler.close({ deadline: 0 });
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("32 kinds of malformed requests over a socket: none runs the flow, none is a 500, none leaves anything", async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => print.mockRestore());
  const called = vi.fn();
  const onError = vi.fn();
  const handler = createHandler(new Flow(node({ prep: called })), {
    onError,
    limits: { body: 1_000, arrival: 500 },
  });
  const port = await listen(handler);
  const json = "content-type: application/json";
  const request = (lines: string[], body = "", first = "POST / HTTP/1.1") =>
    [first, "host: x", "connection: close", ...lines, "", body].join("\r\n");
  const sized = (body: string | Buffer, ...lines: string[]) =>
    request([json, `content-length: ${Buffer.byteLength(body)}`, ...lines], String(body));
  const kinds: (string | Buffer)[] = [
    "",
    "\r\n\r\n",
    "garbage\r\n\r\n",
    "\x00\x01\x02\x03",
    "GET / HTTP/9.9\r\n\r\n",
    "POST\r\n\r\n",
    request([], "", "BREW / HTTP/1.1"),
    request([], "", "GET / HTTP/1.1"),
    request([], "", "PUT / HTTP/1.1"),
    request([], "", "DELETE / HTTP/1.1"),
    request([], "", "TRACE / HTTP/1.1"),
    request([], "", "CONNECT x:1 HTTP/1.1"),
    sized("{").replace("application/json", "text/html"),
    request([json]),
    sized(""),
    sized(" "),
    sized("{"),
    sized("[]"),
    sized("null"),
    sized('"text"'),
    sized("{}}"),
    sized("{'a':1}"),
    sized('{"a":1,}'),
    sized("\ufeff{}").replace("{}", "{"),
    Buffer.concat([Buffer.from(request([json, "content-length: 4"])), Buffer.from([123, 255, 254, 125])]),
    sized("{}", "content-encoding: gzip"),
    request([json, "content-length: -1"], "{}"),
    request([json, "content-length: 9999"], "{}"),
    request([json, "content-length: 50"], "{}"),
    request([json, "transfer-encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n"),
    request([json, "content-length: 2", "transfer-encoding: chunked"], "{}"),
    sized("{}", `x-large: ${"x".repeat(70_000)}`),
  ];
  expect(kinds).toHaveLength(32);
  for (const kind of kinds) {
    const answer = await say(port, kind);
    expect(answer.match(/HTTP\/1\.1 \d+/g) ?? [], JSON.stringify(String(kind).slice(0, 200))).not.toContain(
      "HTTP/1.1 500",
    );
    expect(answer).not.toContain("HTTP/1.1 200");
  }
  expect(called).not.toHaveBeenCalled();
  expect(onError).not.toHaveBeenCalled();
  expect(await say(port, sized("{}"))).toContain("HTTP/1.1 200");
  expect(handler.stats()).toMatchObject({ running: 0, waiting: 0 });
});

const HANG_UPS = sized(1_000, 60);
test(`${inWords(HANG_UPS)} callers who hang up at a random moment leave nothing`, async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => print.mockRestore());
  const talk = node({
    exec: async (_: undefined, { emit, signal }) => {
      for (let at = 0; at < 10 && !signal.aborted; at++) {
        await emit("x".repeat(500));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  });
  const onError = vi.fn();
  const handler = createHandler(new Flow(talk), { limits: { running: 20 }, onError });
  const port = await listen(handler);
  const body = '{"n":1}';
  const text = [
    "POST / HTTP/1.1",
    "host: x",
    "content-type: application/json",
    "accept: text/event-stream",
    `content-length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
  const hangUp = (at: number) =>
    new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      // A stretch of the request or all of it, and then from no time up to longer than the run takes.
      socket.write(text.slice(0, at % 3 === 0 ? (at * 37) % text.length : text.length));
      setTimeout(() => socket.destroy(), (at * 7) % 40);
    });
  for (let begun = 0; begun < HANG_UPS; begun += 50) {
    await Promise.all(Array.from({ length: Math.min(50, HANG_UPS - begun) }, (_, at) => hangUp(begun + at)));
  }
  await vi.waitFor(() => expect(handler.stats()).toMatchObject({ running: 0, waiting: 0 }), 10_000);
  expect(onError).not.toHaveBeenCalled();
  const headers = { "content-type": "application/json" };
  expect((await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers, body })).status).toBe(200);
});
