// Reads the body of a request up to a limit.
import { Refusal } from "./refusal.js";

/** Checks the headers of a request. @throws Refusal 413, 415. */
export function checkHeaders({ headers }: Request, most: number): void {
  const type = headers.get("content-type") ?? "";
  if (!/^\s*application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    const got = type === "" ? "none" : JSON.stringify(type.slice(0, 60));
    const advice = { headers: { accept: "application/json" } };
    throw new Refusal(415, `Expected the content type application/json, got ${got}`, advice);
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    const advice = { headers: { "accept-encoding": "identity" } };
    throw new Refusal(415, "Expected a body that is not compressed", advice);
  }
  if (Number(headers.get("content-length")) > most) throw tooLarge(most);
}

/**
 * Reads a body. Counts the bytes, because `content-length` may be absent or wrong.
 *
 * @param most - The maximum of bytes.
 * @param onBytes - Called with the number of bytes so far, for each chunk.
 * @throws Refusal 400, 413; the signal's reason.
 */
export async function readBody(
  request: Request,
  most: number,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<string> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
  });
  stopped.catch(() => {});
  try {
    signal.throwIfAborted();
    // Invalid UTF-8 is refused, not replaced.
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let text = "";
    for (let bytes = 0; ; ) {
      const { done, value } = await Promise.race([reader.read().catch(brokenOff), stopped]);
      signal.throwIfAborted();
      if (done) return text + decode(decoder);
      bytes += value.byteLength;
      if (bytes > most) throw tooLarge(most);
      text += decode(decoder, value);
      onBytes(value.byteLength);
    }
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
    // Not cancelled: in Node that would close the connection before the answer is sent.
    reader.releaseLock();
  }
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes?: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch {
    throw badInput("Expected the body to be UTF-8");
  }
}

function brokenOff(cause: unknown): never {
  throw new Refusal(400, "The body broke off", { cause });
}

const tooLarge = (most: number) => new Refusal(413, `Expected a body of at most ${most} bytes`);

/** A refusal of the input as a whole. */
export const badInput = (message: string): Refusal =>
  new Refusal(400, message, { issues: [{ path: [], message }] });
