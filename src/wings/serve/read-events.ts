// Reads Server-Sent Events (WHATWG HTML, section 9.2) from a stream of bytes, in linear time.

/** One event. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Reads events one by one; leaving the loop cancels the stream. An incomplete event at the end of the stream is
 * dropped, as the standard requires.
 *
 * @param most - The maximum of characters per event.
 * @param tooLong - Creates the error for a longer event.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  most: number,
  tooLong: () => unknown,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const lines = new Lines();
  let event = "";
  let data: string[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const line of lines.add(decoder.decode(value, { stream: true }))) {
        size += line.length;
        if (size > most) throw tooLong();
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
          event = "";
          data = [];
          size = 0;
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon === -1 ? line : line.slice(0, colon);
        const text = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
        if (field === "event") event = text;
        else if (field === "data") data.push(text);
      }
      if (size + lines.unfinished > most) throw tooLong();
    }
  } finally {
    // Also if the loop was left, because the rest will not be read.
    reader.cancel().catch(() => {});
  }
}

/** Splits text that arrives in pieces. Searching all the text so far for an end would be quadratic. */
class Lines {
  /** An unfinished line; V8 joins the pieces only when it is read. */
  #rest = "";
  /** Whether the last piece ended with a carriage return, whose line feed may be in the next one. */
  #afterReturn = false;

  /** The number of characters of the unfinished line. */
  get unfinished(): number {
    return this.#rest.length;
  }

  *add(piece: string): Generator<string, void, undefined> {
    if (piece === "") return;
    let from = this.#afterReturn && piece.startsWith("\n") ? 1 : 0;
    this.#afterReturn = piece.endsWith("\r");
    // Each of the two is searched separately: a regular expression for both takes five times as long.
    let feed = piece.indexOf("\n", from);
    let carriage = piece.indexOf("\r", from);
    while (feed !== -1 || carriage !== -1) {
      const end = feed === -1 || (carriage !== -1 && carriage < feed) ? carriage : feed;
      const line = this.#rest + piece.slice(from, end);
      this.#rest = "";
      from = end === carriage && feed === end + 1 ? end + 2 : end + 1;
      if (feed !== -1 && feed < from) feed = piece.indexOf("\n", from);
      if (carriage !== -1 && carriage < from) carriage = piece.indexOf("\r", from);
      yield line;
    }
    this.#rest += piece.slice(from);
  }
}
