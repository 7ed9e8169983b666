// remote: a node whose exec is a call of a flow behind HTTP.
import {
  type Action,
  type Awaitable,
  type Context,
  type DefinedNode,
  type NodeOptions,
  node,
  type Params,
  SluiceError,
  type StandardSchema,
} from "sluice";
import {
  aCount,
  aFunction,
  anObject,
  aSchema,
  checkOptions,
  invalidOption,
  isPlainObject,
  type Rule,
} from "sluice/internal";
import { type Answering, callRemote } from "./call-remote.js";
import { mayPass, RemoteError } from "./remote-error.js";

/** The `any` of the core, by a name that its public types have. */
type Untyped = Params[string];

/**
 * The options of {@link remote}: those of a node and its hooks. The default `retryIf` retries network errors, timeouts,
 * and the statuses 408, 429, 500, 502, 503 and 504.
 */
export interface RemoteOptions<S = Untyped, Input = Untyped, Result = Untyped, A = Action>
  extends NodeOptions<S> {
  /** Returns the request body, as JSON. @default the store */
  readonly prep?: ((shared: S, ctx: Context) => Awaitable<Input>) | undefined;
  /** Gets the result. @default writes the result's keys into the store */
  readonly post?: ((shared: S, input: Input, result: Result, ctx: Context) => Awaitable<A>) | undefined;
  /** Returns a result when no attempt is left. @default throws the error */
  readonly execFallback?: ((input: Input, error: unknown, ctx: Context) => Awaitable<Result>) | undefined;
  /** Tokens to reserve at the gate before each attempt. */
  readonly cost?: ((input: Input) => Awaitable<number>) | undefined;
  /** A Standard Schema that checks the result. @default every JSON value */
  readonly result?: StandardSchema<Result> | undefined;
  /**
   * Headers to send, such as `authorization`; a function is called before each attempt. They are sent only to the origin
   * of the URL: a redirect to another origin is an error.
   */
  readonly headers?:
    | Readonly<Record<string, string>>
    | ((ctx: Context) => Awaitable<Readonly<Record<string, string>>>)
    | undefined;
  /** The function that makes the request. @default the global `fetch` */
  readonly fetch?: typeof fetch | undefined;
  /** The largest number of characters of an event or of a JSON answer. @default 10_000_000 */
  readonly maxEvent?: number | undefined;
}

/** The options of a node, whose values `node()` checks. */
const nodeOptionNames = ["name", "requires", "attempts", "backoff", "retryIf", "timeout", "gate", "rate"];
const unchecked: Rule = { expected: "anything", accepts: () => true };

const rules: Record<string, Rule> = {
  ...Object.fromEntries(nodeOptionNames.map((name) => [name, unchecked])),
  prep: aFunction,
  post: aFunction,
  execFallback: aFunction,
  cost: aFunction,
  result: aSchema,
  headers: {
    expected: "an object of headers, or a function that gives one",
    accepts: (value) => anObject.accepts(value) || aFunction.accepts(value),
  },
  fetch: aFunction,
  maxEvent: aCount,
};

/**
 * Creates a node whose `exec` calls a handler of {@link createHandler} at a URL. Data that the remote flow emits is passed
 * to this node's `ctx.emit`, at the pace of its reader. An abort or a timeout also ends the remote run. A retry sends its
 * data again. Attempts, backoff, timeout and gate work as for any node.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. A call that fails rejects with a {@link RemoteError};
 * an interrupted stream is such a failure too, and never a partial answer.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { createHandler, remote } from "sluice/serve";
 *
 * const double = node({ post: (shared: { n: number }) => { shared.n *= 2; } });
 * const service = createHandler(new Flow(double));
 *
 * const there = remote("http://rank.internal/double", {
 *   attempts: 3,
 *   backoff: 200,
 *   fetch: (url, init) => service(new Request(url, init)), // left out, it goes over the network
 * });
 * const shared = { n: 21 };
 * await new Flow(there).run(shared);
 * shared; // => { n: 42 }
 * ```
 */
export function remote<S = Untyped, Input = S, Result = Untyped, A extends Action = undefined>(
  url: string | URL,
  options: RemoteOptions<S, Input, Result, A> = {},
): DefinedNode<S, Input, Result, A> {
  const address = addressOf(url);
  const where = `remote(${JSON.stringify(`${address.origin}${address.pathname}`.slice(0, 120))})`;
  checkOptions(where, options, rules, {
    input: "write `prep`, which gives what is sent",
    output: "write `post`, which takes the result",
  });
  const { result, headers, fetch: own, maxEvent = 10_000_000, ...definition } = options;
  const { name = `remote ${address.pathname}`, retryIf = mayPass } = options;
  const { prep, post, execFallback, cost, ...nodeOptions } = definition;
  const answering: Answering = { url: address, name, result, headers, fetch: own, maxEvent };
  return node<S, Input, Result, A>({
    ...nodeOptions,
    ...(execFallback && { execFallback }),
    ...(cost && { cost }),
    name,
    retryIf,
    prep: prep ?? ((shared) => shared as unknown as Input),
    exec: (input, ctx) => callRemote(answering, input, ctx) as Promise<Result>,
    post: post ?? ((shared, _input, answer) => merge(name, shared, answer) as A),
  });
}

/** Parses a URL. Errors never show credentials in it. */
function addressOf(url: unknown): URL {
  const text = String(url);
  const address = URL.canParse(text) ? new URL(text) : undefined;
  if (text.includes("@") && (address === undefined || address.username !== "" || address.password !== "")) {
    throw new SluiceError(
      "INVALID_OPTION",
      "remote(): expected `url` to be a URL without user and password, got one with them; hand them over in `headers`, as { authorization }",
    );
  }
  if (address !== undefined && /^https?:$/.test(address.protocol)) return address;
  throw invalidOption("remote()", "url", "a URL such as http://127.0.0.1:8787/rank", url);
}

function merge(name: string, shared: unknown, answer: unknown): undefined {
  if (!isPlainObject(answer)) {
    throw new RemoteError(
      "REMOTE_FAILED",
      `${JSON.stringify(name)}: expected a result that is an object, to be written into the store; take another one with \`post\``,
    );
  }
  for (const [key, value] of Object.entries(answer)) {
    // This key would change the store's prototype.
    if (key !== "__proto__") (shared as Record<string, unknown>)[key] = value;
  }
  return undefined;
}
