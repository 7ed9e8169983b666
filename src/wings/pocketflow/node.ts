// Node of PocketFlow: a BaseNode whose `exec` is retried.
import type { Context } from "sluice";
import { NODE, type Settings, settingsOf } from "sluice/internal";
import { BaseNode, type NonIterableObject } from "./base-node.js";
import { attemptOf, EXECUTE, type Kind } from "./kind.js";
import { type Current, IS_PLAIN } from "./wiring.js";

/**
 * `prep → exec → post`, with up to `maxRetries` tries of `exec`.
 *
 * @example
 * ```ts
 * import { Flow, Node } from "sluice/pocketflow";
 *
 * class Flaky extends Node<{ tries?: number }> {
 *   async exec() {
 *     if (this.currentRetry < 2) throw new Error("busy");
 *     return this.currentRetry + 1;
 *   }
 *   async post(shared: { tries?: number }, _prepRes: unknown, tries: number) { shared.tries = tries; return undefined; }
 * }
 * const shared: { tries?: number } = {};
 * await new Flow(new Flaky(3)).run(shared);
 * shared.tries; // => 3
 * ```
 */
export class Node<S = unknown, P extends NonIterableObject = NonIterableObject> extends BaseNode<S, P> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "Node";
  /** Total tries of `exec`; with 0 `exec` is not called and its result is `undefined`. @default 1 */
  declare maxRetries: number;
  /** Seconds between tries. @default 0 */
  declare wait: number;
  /** The number of the latest try, from 0. */
  declare currentRetry: number;

  constructor(maxRetries?: number, wait?: number);
  /** @internal */
  constructor(maxRetries: number, wait: number, kind: Kind);
  constructor(maxRetries = 1, wait = 0, kind: Kind = ONCE) {
    super(maxRetries === 1 && wait === 0 ? kind : withRetries(kind, maxRetries, wait));
    this.currentRetry = 0;
    this.maxRetries = maxRetries;
    this.wait = wait;
  }

  /** Returns a result after the last try of `exec` has failed. @default throws the error */
  async execFallback(_prepRes: unknown, error: Error, _ctx?: Context): Promise<unknown> {
    throw error;
  }

  /** @internal */
  override get [IS_PLAIN](): boolean {
    return this.maxRetries === 1 && this.currentRetry === 0 && this[NODE].batch === undefined;
  }

  /** @internal */
  override [EXECUTE](prepRes: unknown, { ctx, scope }: Current): unknown {
    this.currentRetry = 0;
    if (!(this.maxRetries > 0)) return undefined;
    return attemptOf(this, settingsNow(this), prepRes, ctx, scope);
  }
}

/** The wiring of a class whose `exec` is tried once by default. */
export const retrying = (kind: "node" | "batch", rules: Kind["rules"], batch?: Kind["batch"]): Kind => {
  const options = { maxRetries: 1, wait: 0, concurrency: batch?.concurrency };
  return { kind, rules, options, settings: retriesOf(1, 0), batch };
};

const ONCE = retrying("node", {});

function withRetries(kind: Kind, maxRetries: number, wait: number): Kind {
  return { ...kind, options: { ...kind.options, maxRetries, wait }, settings: retriesOf(maxRetries, wait) };
}

/** The current settings of a node, because its fields may have changed. */
export function settingsNow(node: Node): Settings {
  const { settings, options } = node[NODE];
  const { maxRetries, wait } = options as { maxRetries: number; wait: number };
  const isSame = maxRetries === node.maxRetries && wait === node.wait;
  return isSame ? settings : retriesOf(node.maxRetries, node.wait);
}

/** The retries of `exec`: PocketFlow counts in seconds, and retries after any error. */
export function retriesOf(maxRetries: number, wait: number): Settings {
  const backoff = wait > 0 ? wait * 1_000 : 0;
  return settingsOf("", { attempts: Math.ceil(maxRetries), backoff, retryIf: () => true });
}
