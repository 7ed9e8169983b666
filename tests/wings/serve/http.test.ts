// Over real sockets, through @hono/node-server: what only a network can do.
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { Flow, node } from "sluice";
import { createHandler, type Handler, type HandlerOptions, remote } from "sluice/serve";
import { expect, onTestFinished, test, vi } from "vitest";

async function listen(handler: Handler): Promise<{ port: number; server: ServerType }> {
  const server = serve({ fetch: handler, hostname: "127.0.0.1", port: 0 });
  if (!server.listening) await once(server, "listening");
  onTestFinished(async () => {
    await handler.close({ deadline: 0 });
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server };
}
const start = (flow: Flow, options?: HandlerOptions) => {
  const handler = createHandler(flow, { output: (shared) => shared, ...options });
  return listen(handler).then((listening) => ({ handler, ...listening }));
};

/** Says some bytes to a server, and gives what it answers until it ends. */
async function say(port: number, ...pieces: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => (answer += text));
  socket.on("error", () => {});
  for (const piece of pieces) socket.write(piece);
  await Promise.race([once(socket, "close"), vi.waitFor(() => expect(answer).toMatch(/\}$/), 5_000)]);
  socket.destroy();
  return answer;
}
const head = (...lines: string[]) =>
  ["POST / HTTP/1.1", "host: x", "content-type: application/json", ...lines, "", ""].join("\r\n");
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

test("a body that is too large gets its 413, with a length and without", async () => {
  const { port, handler } = await start(new Flow(node({})), { limits: { body: 1_000 } });
  expect(await say(port, head("content-length: 5000"))).toMatch(/^HTTP\/1\.1 413 /);
  const large = Array.from({ length: 10 }, () => chunk("x".repeat(500)));
  expect(await say(port, head("transfer-encoding: chunked"), ...large)).toMatch(/^HTTP\/1\.1 413 /);
  expect(await say(port, head("content-length: 2"), "{}")).toMatch(/^HTTP\/1\.1 200 /);
  expect(handler.stats().running).toBe(0);
});

test("a caller who hangs up within its body, or while the run goes on, leaves nothing", async () => {
  let reason: unknown;
  const waiting = node({
    exec: (_: undefined, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(reason);
        });
      }),
  });
  let [begun, ended] = [0, 0];
  const handler = createHandler(new Flow(waiting), { authorize: () => void begun++ });
  const counted = (request: Request) => handler(request).finally(() => ended++);
  const { port } = await listen(Object.assign(counted, handler));
  for (const pieces of [
    [head("content-length: 100"), '{"half'],
    [head("content-length: 2"), "{}"],
  ]) {
    const before = begun;
    const socket = connect(port, "127.0.0.1");
    for (const piece of pieces) socket.write(piece);
    await vi.waitFor(() => expect(begun).toBe(before + 1));
    if (before === 1) await vi.waitFor(() => expect(handler.stats().running).toBe(1));
    socket.destroy();
    await vi.waitFor(() => expect(ended).toBe(begun));
    await vi.waitFor(() => expect(handler.stats().running).toBe(0));
  }
  expect(reason).toMatchObject({ code: "CLIENT_GONE" });
});

test("a reader who does not read holds the sender back, whatever the sockets buffer", async () => {
  // The adapter prints what ends a stream; that it does is none of our business.
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => print.mockRestore());
  let sent = 0;
  const flood = node({
    exec: async (_: undefined, { emit, signal }) => {
      while (sent < 200_000 && !signal.aborted) {
        await emit("x".repeat(1_000));
        sent++;
      }
    },
  });
  const { port, handler } = await start(new Flow(flood), { limits: { stalled: 500 }, onError: () => {} });
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => {});
  socket.write(head("accept: text/event-stream", "content-length: 2"));
  socket.write("{}");
  let before = -1;
  await vi.waitFor(
    () => {
      const now = sent;
      const still = now > 0 && now === before;
      before = now;
      expect(still).toBe(true);
    },
    { timeout: 10_000, interval: 100 },
  );
  // Megabytes at most, in the buffers of the system: not the 200 MB that it would like to send.
  expect(sent).toBeLessThan(20_000);
  // And in the end it is given up.
  await vi.waitFor(() => expect(handler.stats().running).toBe(0), 10_000);
  socket.destroy();
});

test("`remote` over HTTP: an answer, an abort that reaches the other end, and a connection that is cut", async () => {
  const pieces = node({
    prep: (shared: { n: number; done?: boolean }) => shared.n,
    exec: async (n, { emit, signal }) => {
      for (let at = 0; at < n; at++) {
        await emit(at);
        await new Promise((resolve) => setTimeout(resolve, 5));
        signal.throwIfAborted();
      }
    },
    post: (shared) => {
      shared.done = true;
    },
  });
  const { port, handler, server } = await start(new Flow(pieces));
  const there = remote(`http://127.0.0.1:${port}/`);
  const shared = { n: 3 };
  await new Flow(there).run(shared);
  expect(shared).toEqual({ n: 3, done: true });

  const stop = new AbortController();
  const aborted = new Flow(there).run({ n: 1_000 }, { signal: stop.signal }).catch((error) => error);
  await vi.waitFor(() => expect(handler.stats().running).toBe(1));
  stop.abort(new Error("enough"));
  expect((await aborted).message).toBe("enough");
  await vi.waitFor(() => expect(handler.stats().running).toBe(0));

  const cut = new Flow(there).run({ n: 1_000 }).catch((error) => error);
  await vi.waitFor(() => expect(handler.stats().running).toBe(1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  if ("closeAllConnections" in server) server.closeAllConnections();
  expect(await cut).toMatchObject({ code: "REMOTE_BROKEN" });
});
