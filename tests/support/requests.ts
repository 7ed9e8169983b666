// Requests as a client makes them, and streams as it reads them.
import { readEvents } from "../../src/wings/serve/read-events.js";

export const post = (body: unknown, init: RequestInit & { accept?: string } = {}): Request => {
  const { accept = "application/json", headers, ...rest } = init;
  return new Request("http://localhost/flow", {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...(headers as Record<string, string>) },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...rest,
  });
};

export const postForEvents = (body: unknown, init: RequestInit = {}): Request =>
  post(body, { ...init, accept: "text/event-stream" });

export interface Got {
  event: string;
  data: unknown;
}

/** Reads a stream to its end. */
export async function eventsOf(response: Response): Promise<Got[]> {
  const events: Got[] = [];
  const body = response.body as ReadableStream<Uint8Array>;
  for await (const { event, data } of readEvents(body, 1e9, () => new Error("too long"))) {
    events.push({ event, data: JSON.parse(data) });
  }
  return events;
}

/** A body that gives its pieces one by one, as often as it is asked. */
export function piecewise(pieces: Iterable<string | Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.iterator]();
  return new ReadableStream(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (done) controller.close();
        else controller.enqueue(typeof value === "string" ? new TextEncoder().encode(value) : value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Lets everything that is due happen. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
