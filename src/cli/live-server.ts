// Serves the page of a run in progress, to this computer only, and pushes the lines of its trace as server-sent events.
import type { IncomingMessage, ServerResponse } from "node:http";
import { refuse, sendPage, serveLocal } from "./local-server.js";
import { contentSecurityPolicy, type PageParts, pageHtml } from "./page-html.js";
import { tail } from "./tail.js";

export interface LiveServer {
  readonly url: string;
  /** Resolves after Ctrl-C, or when `close` was called. */
  readonly ended: Promise<void>;
  close(): void;
}

export async function serveLive(file: string, parts: PageParts, port: number): Promise<LiveServer> {
  const page = new LivePage(parts);
  const { url, close: closeServer } = await serveLocal(port, (request, response) => {
    if (request.method !== "GET") refuse(response, 405, "Only GET is answered here.");
    else if (request.url === "/") page.send(response);
    else if (request.url === "/events") page.push(file, request, response);
    else refuse(response, 404, "There is only the page here.");
  });
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const close = () => {
    process.removeListener("SIGINT", close);
    process.removeListener("SIGTERM", close);
    page.close();
    void closeServer().then(end);
  };
  process.on("SIGINT", close);
  process.on("SIGTERM", close);
  return { url, ended, close };
}

/** The live page of runs, for any number of files and readers. */
export class LivePage {
  readonly #html: string;
  readonly #policy: string;
  readonly #readers = new Set<AbortController>();

  constructor(parts: PageParts) {
    this.#html = pageHtml(parts, undefined);
    this.#policy = contentSecurityPolicy(parts, true);
  }

  send(response: ServerResponse): void {
    sendPage(response, this.#html, this.#policy);
  }

  /** Sends the lines of a file as they are written, until the reader disconnects. */
  push(file: string, request: IncomingMessage, response: ServerResponse): void {
    const reader = new AbortController();
    this.#readers.add(reader);
    response.once("close", () => {
      reader.abort();
      this.#readers.delete(reader);
    });
    void push(file, request, response, reader.signal);
  }

  close(): void {
    for (const reader of this.#readers) reader.abort();
  }
}

/** Sends the lines after the last event of a reader, which a browser names when it reconnects. */
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
