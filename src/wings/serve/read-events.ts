// Reads Server-Sent Events (WHATWG HTML, section 9.2) from a stream of bytes.

/** One event, as it came. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Reads events one by one; leaving the loop cancels the stream. An event that the stream breaks off in is
 * dropped, as the standard has it.
 *
 * @param most - The most characters of one event.
 * @param tooLong - Makes the error for a longer one.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  most: number,
  tooLong: () => unknown,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let event = "";
  let data: string[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (!done) rest += decoder.decode(value, { stream: true });
      // A carriage return at the end may be the first half of a line's end.
      const lines = rest.split(done ? /\r\n|\n|\r/ : /\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
          event = "";
          data = [];
          size = 0;
        } else {
          const [, field, text = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
          if (field === "event") event = text;
          else if (field === "data") data.push(text);
          size += line.length;
        }
      }
      if (done) return;
      if (size + rest.length > most) throw tooLong();
    }
  } finally {
    // Also where the loop was left: nobody will read the rest.
    reader.cancel().catch(() => {});
  }
}
