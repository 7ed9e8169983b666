// fakeVendor() and its result.
import type { Fault } from "./faults.js";
import { type FakeVendorOptions, vendorSettings } from "./options.js";
import type { VendorRequest } from "./request.js";
import { Vendor } from "./vendor.js";

/** The counts of a {@link FakeVendor}. */
export interface VendorStats {
  /** All requests: accepted, refused, failed, and those being read. */
  readonly requests: number;
  /** Requests answered with status 200, faulty answers included. */
  readonly accepted: number;
  /** Requests answered with 429. */
  readonly refused: number;
  /** Requests answered with another error. */
  readonly failed: number;
  /** Tokens of the prompts and answers of accepted requests. */
  readonly tokens: number;
  /** Requests in flight. */
  readonly running: number;
  /** The maximum of requests in flight. */
  readonly peak: number;
}

/** A request and its outcome. */
export interface VendorCall {
  readonly request: VendorRequest;
  /** The time of arrival, by `performance.now()`. */
  readonly at: number;
  readonly status: number;
  readonly fault: Fault | undefined;
}

/** A fake vendor, which runs until it is closed. */
export interface FakeVendor {
  /**
   * For the `baseURL` of an SDK, such as `http://127.0.0.1:40123/v1`. Anthropic's SDK adds `/v1` itself: `new
   * URL(url).origin`.
   */
  readonly url: string;
  /** The last 1,000 readable requests, in the order in which their outcome was decided. */
  readonly calls: readonly VendorCall[];
  /** Returns the counts since the start. */
  stats(): VendorStats;
  /** Closes all connections, including hanging ones, and the port. */
  close(): Promise<void>;
}

/**
 * Starts a fake model vendor on a loopback port. It speaks OpenAI's protocol (chat completions, as JSON and as streams,
 * with structured output and tools, and embeddings) and Anthropic's (messages, as JSON and as streams, with tools). It
 * counts requests and tokens, refuses requests over its limits with 429, and injects `faults`, which are decided before
 * the limits. Nothing leaves the machine, and no key is needed.
 *
 * It does not keep the process alive. If `answer` throws, the response has status 500 and the error's message.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; the system's error if the port is in use.
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
