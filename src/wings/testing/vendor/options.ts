// The options of a fake vendor, and their check.
import {
  aCount,
  aDelay,
  aFunction,
  aPositiveNumber,
  checkOptions,
  missingOption,
  oneOf,
  type Rule,
} from "sluice/internal";
import { echo, type VendorAnswer } from "./answer.js";
import { type Dialect, dialectNames } from "./dialects.js";
import { embedWords } from "./embeddings.js";
import { checkFault, FAULT, type Fault, isFault } from "./faults.js";
import type { LimitWindow } from "./limits.js";
import type { VendorRequest } from "./request.js";

/** The options of {@link fakeVendor}: its limits, answers and faults. */
export interface FakeVendorOptions {
  /** Requests per `per`. @default no limit */
  readonly requests?: number | undefined;
  /**
   * Tokens per `per`, of prompts and answers. A request takes the tokens of its prompt plus `max_completion_tokens`,
   * and once it is answered the tokens that it used. @default no limit
   */
  readonly tokens?: number | undefined;
  /** Milliseconds; required with `requests` or `tokens`. */
  readonly per?: number | undefined;
  /**
   * How requests and tokens are counted: `"bucket"` is a token bucket; `"fixed"` resets the count in each period, the
   * first of which begins with the first request; `"sliding"` counts the last `per` ms. @default "bucket"
   */
  readonly window?: LimitWindow | undefined;
  /** How much unused rate a bucket keeps, in ms; it starts full. @default 1_000 */
  readonly burst?: number | undefined;
  /** Requests in flight; one more is refused. @default no limit */
  readonly concurrency?: number | undefined;
  /**
   * How a 429 states the wait: as `"openai"`, `"azure"`, `"anthropic"` and `"google"` do; `"date"`: `retry-after`
   * is a date; `"reset"` and `"epoch"`: only `x-ratelimit-reset…`, as a duration and in ms since 1970; `"text"`: the
   * body is not JSON; `"silent"`: not at all. @default that of the protocol: "openai", or "anthropic" for
   * `/v1/messages`
   */
  readonly dialect?: Dialect | undefined;
  /** Faults: one for all requests, a list in order of arrival, or a function of the request. @default none */
  readonly faults?: Fault | readonly (Fault | undefined)[] | ((request: VendorRequest) => Fault | undefined);
  /**
   * Returns the answer of the model. Decide by the structure of the request: `schema`, `tools`, `messages`.
   * @default repeats the user's text, in the form that the request asks for
   */
  readonly answer?: ((request: VendorRequest) => VendorAnswer | PromiseLike<VendorAnswer>) | undefined;
  /** Returns the vector of a text. @default feature hashing of its words, so that texts that share words are near */
  readonly embed?: ((text: string, dimensions: number) => readonly number[]) | undefined;
  /** Milliseconds before the answer begins. @default 0 */
  readonly delay?: number | ((request: VendorRequest) => number) | undefined;
  /** Milliseconds between two events of a stream. @default 0 */
  readonly pace?: number | undefined;
  /** The port. @default 0, a free port */
  readonly port?: number | undefined;
}

/** The options with all defaults filled in. */
export interface VendorSettings {
  readonly requests: number | undefined;
  readonly tokens: number | undefined;
  readonly per: number;
  readonly window: LimitWindow;
  readonly burst: number;
  readonly concurrency: number;
  readonly dialect: Dialect | undefined;
  readonly port: number;
  readonly pace: number;
  faultOf(request: VendorRequest): Fault | undefined;
  delayOf(request: VendorRequest): number;
  answer(request: VendorRequest): VendorAnswer | PromiseLike<VendorAnswer>;
  embed(text: string, dimensions: number): readonly number[];
}

const WHERE = "fakeVendor()";
const isFunction = (value: unknown) => typeof value === "function";

const rules: Readonly<Record<string, Rule>> = {
  requests: aPositiveNumber,
  tokens: aPositiveNumber,
  per: aPositiveNumber,
  window: oneOf("bucket", "fixed", "sliding"),
  burst: aPositiveNumber,
  concurrency: aCount,
  dialect: oneOf(...dialectNames),
  faults: {
    expected: `a fault, a list of faults, or a function; a fault is ${FAULT}`,
    accepts: (value) =>
      isFunction(value) ||
      (Array.isArray(value) ? value.every((each) => each === undefined || isFault(each)) : isFault(value)),
  },
  answer: aFunction,
  embed: aFunction,
  delay: {
    expected: `${aDelay.expected}, or a function that gives them`,
    accepts: (value) => isFunction(value) || aDelay.accepts(value),
  },
  pace: aDelay,
  port: {
    expected: "a port from 0 to 65535",
    accepts: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536,
  },
};

/** Checks options and fills in the others. @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
export function vendorSettings(options: FakeVendorOptions): VendorSettings {
  checkOptions(WHERE, options, rules, { rate: "Write `requests`, `tokens` and `per` themselves." });
  const { requests, tokens, per, faults, delay = 0 } = options;
  if (per === undefined && (requests ?? tokens) !== undefined)
    throw missingOption(WHERE, "per", "the milliseconds in which `requests` or `tokens` are allowed");
  return {
    requests,
    tokens,
    per: per ?? 1_000,
    window: options.window ?? "bucket",
    burst: options.burst ?? 1_000,
    concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
    dialect: options.dialect,
    port: options.port ?? 0,
    pace: options.pace ?? 0,
    faultOf: faultsOf(faults),
    delayOf: typeof delay === "function" ? delay : () => delay,
    answer: options.answer ?? echo,
    embed: options.embed ?? embedWords,
  };
}

function faultsOf(faults: FakeVendorOptions["faults"]): VendorSettings["faultOf"] {
  if (typeof faults === "function") return (request) => checkFault(faults(request));
  const all = faults as Fault | readonly (Fault | undefined)[] | undefined;
  return Array.isArray(all) ? ({ index }) => all[index] : () => all as Fault | undefined;
}
