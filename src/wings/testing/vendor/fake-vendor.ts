// fakeVendor(), and what it gives.
import type { Fault } from "./faults.js";
import { type FakeVendorOptions, vendorSettings } from "./options.js";
import type { VendorRequest } from "./request.js";
import { Vendor } from "./vendor.js";

/** What a {@link FakeVendor} has counted. */
export interface VendorStats {
  /** All that came: accepted, refused, failed, and those that it still reads. */
  readonly requests: number;
  /** Those that were let in and answered with status 200, faulty answers too. */
  readonly accepted: number;
  /** Those that were answered with 429. */
  readonly refused: number;
  /** Those that were answered with another error. */
  readonly failed: number;
  /** Tokens of prompts and answers that were accepted. */
  readonly tokens: number;
  /** Requests that are being answered now. */
  readonly running: number;
  /** The most that were answered at once. */
  readonly peak: number;
}

/** A request, and what became of it. */
export interface VendorCall {
  readonly request: VendorRequest;
  /** When it came, by `performance.now()`. */
  readonly at: number;
  readonly status: number;
  readonly fault: Fault | undefined;
}

/** A vendor that runs until it is closed. */
export interface FakeVendor {
  /** For the `baseURL` of an SDK, such as `http://127.0.0.1:40123/v1`. Anthropic's SDK adds the `/v1` itself: `new URL(url).origin`. */
  readonly url: string;
  /** The last 1,000 requests that could be read, in the order in which it was decided what becomes of them. */
  readonly calls: readonly VendorCall[];
  /** Counts since it was started. */
  stats(): VendorStats;
  /** Ends all connections, those that hang too, and frees the port. */
  close(): Promise<void>;
}

/**
 * Starts a vendor of models on a loopback port that speaks OpenAI's protocol (chat completions, as JSON and as streams,
 * with structured output and tools, and embeddings) and Anthropic's (messages, as JSON and as streams, with tools). It
 * counts requests and tokens, refuses those over its limits with 429, and fails as `faults` say, which is decided before
 * it looks at the limits. Nothing leaves the machine, and no key is needed.
 *
 * It does not keep the process alive. What `answer` throws is answered with status 500 and its message.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; the error of the system for a port that is taken.
 * @example
 * ```ts
 * import { fakeVendor } from "sluice/testing";
 *
 * const vendor = await fakeVendor({ faults: [{ status: 429, retryAfter: 20 }], answer: ({ text }) => text.toUpperCase() });
 * const ask = () =>
 *   fetch(`${vendor.url}/chat/completions`, {
 *     method: "POST",
 *     body: JSON.stringify({ model: "any", messages: [{ role: "user", content: "hello" }] }),
 *   });
 * (await ask()).headers.get("retry-after-ms"); // => "20"
 * (await (await ask()).text()).includes("HELLO"); // => true
 * vendor.stats().refused; // => 1
 * await vendor.close();
 * ```
 */
export async function fakeVendor(options: FakeVendorOptions = {}): Promise<FakeVendor> {
  const vendor = new Vendor(vendorSettings(options));
  await vendor.listen();
  return vendor;
}
