// Reads the body of a request, and not a byte more than is allowed.
import { Refusal } from "./refusal.js";

/** Checks what the headers of a request show: @throws Refusal 413, 415. */
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
 * Reads a body. `content-length` may be absent or lie: bytes are counted as they come.
 *
 * @param most - Bytes.
 * @param onBytes - Called with how many have come, piece by piece.
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
    // A body that is no UTF-8 is refused rather than read with holes.
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
    // Not cancelled: in Node that would cut the connection before the answer is out.
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

/** A fault of the input as a whole. */
export const badInput = (message: string): Refusal =>
  new Refusal(400, message, { issues: [{ path: [], message }] });
