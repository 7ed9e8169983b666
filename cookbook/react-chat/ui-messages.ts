// The events of a run as the AI SDK's UI message stream, version 1, which useChat reads.
import type { Handler } from "sluice/serve";

/**
 * Answers useChat with the handler of a flow. Text that nodes emit is the answer; `{ name: value }` is the data part
 * `data-name`, which a later one replaces; the output of the handler is the message's metadata, which only a complete
 * answer has.
 */
export function uiMessages(handler: Handler): (request: Request) => Promise<Response> {
  return async (request) => {
    const asked = new Headers(request.headers);
    asked.set("accept", "text/event-stream");
    const response = await handler(new Request(request, { headers: asked }));
    const headers = new Headers(response.headers);
    if (!response.ok || response.body === null) {
      const { error } = (await response.json()) as { error?: { message: string } };
      headers.set("content-type", "text/plain");
      return new Response(error?.message ?? null, { status: response.status, headers }); // useChat's error is the body
    }
    headers.set("x-vercel-ai-ui-message-stream", "v1");
    const text = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(partsStream());
    return new Response(text.pipeThrough(new TextEncoderStream()), { headers });
  };
}

function partsStream(): TransformStream<string, string> {
  let rest = ""; // of an incomplete event
  let [isWriting, isOver] = [false, false]; // after the first piece of text; after the result or an error
  const partsOf = (event: string, data: unknown): object[] => {
    if (event === "data" && typeof data === "string") {
      const start = isWriting ? [] : [{ type: "text-start", id: "answer" }];
      isWriting = true;
      return [...start, { type: "text-delta", id: "answer", delta: data }];
    }
    if (event === "progress" || event === "queued") return [{ type: `data-${event}`, data, transient: true }];
    const body = (data ?? {}) as Readonly<Record<string, unknown>>;
    if (event === "data") return Object.keys(body).map((id) => ({ type: `data-${id}`, id, data: body[id] }));
    isOver = true;
    const { message: errorText = "The run waits for a person." } = body;
    if (event !== "result") return [{ type: "error", errorText }];
    const end = isWriting ? [{ type: "text-end", id: "answer" }] : [];
    return [...end, { type: "finish", finishReason: "stop", messageMetadata: data }];
  };
  const write = (part: object) => `data: ${JSON.stringify(part)}\n\n`;
  return new TransformStream<string, string>({
    start: (out) => out.enqueue(write({ type: "start" })),
    transform(text, out) {
      const events = (rest + text).split("\n\n");
      rest = events.pop() ?? "";
      for (const each of events) {
        const [, event = "", json = ""] = /^event: (.*)\ndata: (.*)$/.exec(each) ?? [];
        const parts = event ? partsOf(event, JSON.parse(json)).map(write) : [`${each}\n\n`]; // or a comment
        for (const part of parts) out.enqueue(part);
      }
    },
    flush(out) {
      if (!isOver) out.enqueue(write({ type: "error", errorText: "The answer broke off." }));
      out.enqueue("data: [DONE]\n\n");
    },
  });
}
