// Serves the page of a run that still goes on, to this computer only, and pushes the lines of its trace as
// server-sent events.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Failure, UsageError } from "./io.js";
import { contentSecurityPolicy, type PageParts, pageHtml } from "./page-html.js";
import { tail } from "./tail.js";

export interface LiveServer {
  readonly url: string;
  /** Resolves after Ctrl-C, or when `close` was called. */
  readonly ended: Promise<void>;
  close(): void;
}

export async function serveLive(file: string, parts: PageParts, port: number): Promise<LiveServer> {
  const html = pageHtml(parts, undefined);
  const readers = new Set<AbortController>();
  let hosts: string[] = [];
  const server = createServer((request, response) => {
    // Another site may point a name of its own at this address; it cannot make the browser say "127.0.0.1".
    if (!hosts.includes(request.headers.host ?? "")) return refuse(response, 403, "Ask for 127.0.0.1.");
    if (request.method !== "GET") return refuse(response, 405, "Only GET is answered here.");
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("cache-control", "no-store");
    if (request.url === "/") {
      const policy = `${contentSecurityPolicy(parts, true)}; frame-ancestors 'none'`;
      response.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
      });
      response.end(html);
    } else if (request.url === "/events") {
      const reader = new AbortController();
      readers.add(reader);
      response.once("close", () => {
        reader.abort();
        readers.delete(reader);
      });
      void push(file, request, response, reader.signal);
    } else refuse(response, 404, "There is only the page here.");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new UsageError("--port to be free", `${port}, which is in use`, "Leave it out for any free port.")
          : new Failure(`no server could be started (${error.message})`),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  hosts = [`127.0.0.1:${actual}`, `localhost:${actual}`];
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const close = () => {
    process.removeListener("SIGINT", close);
    process.removeListener("SIGTERM", close);
    for (const reader of readers) reader.abort();
    server.close(() => end());
    server.closeAllConnections();
  };
  process.on("SIGINT", close);
  process.on("SIGTERM", close);
  return { url: `http://127.0.0.1:${actual}/`, ended, close };
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
}

/** Sends the lines from where the reader left off: a browser that comes back says which event it had last. */
async function push(
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.write("retry: 1000\n\n");
  const [, version = "", offset = "0"] =
    /^(\d+)-(\d+)$/.exec(String(request.headers["last-event-id"] ?? "")) ?? [];
  try {
    for await (const piece of tail(file, { version, offset: Number(offset) }, signal)) {
      const event = piece.gone ? "event: gone\n" : piece.fresh ? "event: fresh\n" : "";
      const data = piece.lines.map((line) => `data: ${line.replaceAll("\r", "")}\n`).join("");
      const free = response.write(`${event}id: ${piece.version}-${piece.offset}\n${data || "data:\n"}\n`);
      if (!free)
        await new Promise<void>((resolve) => {
          const go = () => {
            signal.removeEventListener("abort", go);
            response.removeListener("drain", go);
            resolve();
          };
          signal.addEventListener("abort", go);
          response.once("drain", go);
        });
    }
  } catch (error) {
    response.write(`event: broken\ndata: ${JSON.stringify((error as Error).message)}\n\n`);
  }
  response.end();
}
