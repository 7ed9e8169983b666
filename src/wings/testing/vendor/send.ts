// Writes an answer to the connection: whole, paced, in odd pieces, or half.
import type { ServerResponse } from "node:http";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { ErrorResponse } from "./dialects.js";
import type { Fault } from "./faults.js";

/** A connection and how to write to it. */
export interface Line {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly fault: Fault | undefined;
  /** Milliseconds between two events. */
  readonly pace: number;
}

/** Waits without keeping the process alive. @throws If the client has disconnected. */
export const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  ms > 0 ? sleep(ms, undefined, { signal, ref: false }) : Promise.resolve();

/** Sends an error, or another body that is not a JSON object. */
export function sendError(response: ServerResponse, { status, headers, body }: ErrorResponse): void {
  const type = typeof body === "string" ? "text/plain" : "application/json";
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": type, ...headers }).end(text);
}

/** Sends one JSON object. */
export async function sendJson(line: Line, body: object): Promise<void> {
  line.response.writeHead(200, { "content-type": "application/json" });
  const text = JSON.stringify(body);
  const middle = Math.ceil(text.length / 2);
  await write(line, [text.slice(0, middle), text.slice(middle)]);
}

/** Sends server-sent events, whose texts come without the final empty line. */
export async function sendEvents(line: Line, texts: readonly string[]): Promise<void> {
  line.response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const end = line.fault === "odd-chunks" ? "\r\n\r\n" : "\n\n";
  const events = texts.map((text) => text + end);
  const comment = `: still working${end}`;
  const isOdd = line.fault === "odd-chunks";
  await write(line, isOdd ? events.flatMap((event) => [comment, event]) : events);
}

async function write(line: Line, pieces: readonly string[]): Promise<void> {
  const { response, fault, signal, pace } = line;
  if (fault === "odd-chunks") return writeOddly(line, pieces.join(""));
  const isHalf = fault === "stall" || fault === "disconnect";
  const sent = isHalf ? pieces.slice(0, Math.ceil(pieces.length / 2)) : pieces;
  for (const [at, piece] of sent.entries()) {
    if (at > 0) await wait(pace, signal);
    if (!response.write(piece)) await drained(response, signal);
  }
  if (!isHalf) response.end();
  else if (fault === "disconnect") response.write("", () => response.destroy());
}

/** Writes bytes in pieces of 1, 2, 3, 5, 8 …, which cut characters and lines in two. */
async function writeOddly({ response, signal }: Line, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  let [size, next] = [1, 2];
  for (let at = 0; at < bytes.length; ) {
    if (!response.write(bytes.subarray(at, at + size))) await drained(response, signal);
    await turn();
    signal.throwIfAborted();
    at += size;
    [size, next] = size > 100 ? [1, 2] : [next, size + next];
  }
  response.end();
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    const onAbort = () => {
      response.off("drain", onDrain);
      reject(signal.reason);
    };
    response.once("drain", onDrain);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
