// Calls as executors get them.
import { locate, setLocation } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { isAmount } from "../base/options.js";
import { attemptHere, recover } from "./attempts.js";
import type { Context, Params } from "./context.js";
import type { Call, Job, OwnAttempts } from "./execute.js";
import type { ExecutorAnswer } from "./executor.js";
import { keyOfCall, StepContext } from "./step-context.js";

/** One call of a node's `exec`, as an {@link Executor} gets it: plain data, and functions of the run. */
export interface ExecutorCall {
  /** The key of the call, as {@link Context.key}. */
  readonly key: string;
  /**
   * The place of the node in its graph, such as `Crawl/Pages/Fetch`: the same for all its calls and in all processes
   * with the same graph.
   */
  readonly place: string;
  /** Names from the outermost flow to the node. */
  readonly path: readonly (string | number)[];
  /** The name of the node. */
  readonly name: string;
  /** The flow or node that `run()` was called on, for executors that look the node up. */
  readonly root: object;
  readonly runId: string;
  readonly params: Readonly<Params>;
  /** The index of the batch item, or of the nearest iteration of a batch flow. */
  readonly index: number | undefined;
  /** The input of `exec`: an item, or the result of `prep`. */
  readonly input: unknown;
  /** The idempotency key, which is the same in a resumed run, as {@link Context.idempotencyKey}. */
  readonly idempotencyKey: string;
  /** Fires when the call must stop: after an abort or a sibling's failure. */
  readonly signal: AbortSignal;
  /** Fires when the run drains: a running attempt may finish, and no further attempt may begin. */
  readonly drain: AbortSignal;
  /** Sends data to the run's listeners at once, as {@link Context.emit}. */
  emit(data: unknown): Promise<void>;
  /**
   * Runs the call in this process, with attempts, gates, `around` hooks, `exec` and its fallback, as without an
   * executor. Emitted data and charges go to the run at once; the answer has them too.
   *
   * @param exec - Called in place of the node's `exec`, with the same arguments.
   * @throws The error of the call.
   */
  local(exec?: (input: unknown, ctx: Context) => unknown): Promise<ExecutorAnswer>;
  /**
   * Ends a call that cannot run, with the result of the node's fallback.
   *
   * @throws The error of the fallback: by default the given error.
   */
  fallback(error: unknown): Promise<ExecutorAnswer>;
}

/**
 * A call of a job, until it is closed. For sluice's executors; members that are not in {@link ExecutorCall} may change
 * in any release.
 */
export class OpenCall implements ExecutorCall {
  /** Whether the call ran in this process; written by `local`. */
  ranHere = false;
  readonly #job: Call;
  readonly #ctx: StepContext;
  readonly #tokens: number | undefined;
  readonly #giveBack: () => void;
  #drain: AbortController | undefined;
  readonly #fireDrain = () => {
    const { cancellation } = this.#job.scope;
    if (cancellation?.draining) this.#drain?.abort(cancellation.reason);
  };

  /**
   * @param tokens - The result of `cost()`, if it was called.
   * @param giveBack - Returns the call's reservation to the budget.
   */
  constructor(job: Call, tokens: number | undefined, giveBack: () => void) {
    const { scope, node, index, step } = job;
    this.#job = job;
    this.#ctx = new StepContext(scope, node, index, 0, step);
    this.#tokens = tokens;
    this.#giveBack = giveBack;
  }

  /** The job of the call, for sluice's executors. */
  get job(): Call {
    return this.#job;
  }

  /** The part of {@link idempotencyKey} beside the run's id. */
  get identity(): string {
    const { journal } = this.#job.scope.run;
    return journal?.identityOf(this.#ctx) ?? this.key;
  }

  get key(): string {
    return this.#ctx.key;
  }

  get place(): string {
    return placeOf(this.key);
  }

  get path(): readonly (string | number)[] {
    return this.#job.scope.path(this.#job.node);
  }

  get name(): string {
    return nameOf(this.#job.node);
  }

  get root(): object {
    return this.#job.scope.root ?? this.#job.node;
  }

  get runId(): string {
    return this.#ctx.runId;
  }

  get params(): Readonly<Params> {
    return this.#ctx.params;
  }

  get index(): number | undefined {
    return this.#job.index;
  }

  get input(): unknown {
    return this.#job.input;
  }

  get idempotencyKey(): string {
    return this.#ctx.idempotencyKey;
  }

  get signal(): AbortSignal {
    return this.#ctx.signal;
  }

  get drain(): AbortSignal {
    if (this.#drain === undefined) {
      this.#drain = new AbortController();
      this.#fireDrain();
      this.#job.scope.cancellation?.listen(this.#fireDrain);
    }
    return this.#drain.signal;
  }

  emit(data: unknown): Promise<void> {
    return this.#ctx.emit(data);
  }

  async local(exec?: (input: unknown, ctx: Context) => unknown): Promise<ExecutorAnswer> {
    const own = new RecordedAttempts(exec, this.#tokens);
    this.ranHere = true;
    this.#giveBack();
    const value = await attemptHere({ ...this.#job, own });
    return { value, emitted: own.data, charged: own.tokensCharged, attempts: own.attempts };
  }

  async fallback(error: unknown): Promise<ExecutorAnswer> {
    this.#job.scope.cancellation?.throwIfDraining();
    this.locate(error, 0, undefined);
    return { value: await recover(this.#job, error, 0) };
  }

  /** Records the place of an error, unless it is known. */
  locate(error: unknown, attempt: number, machine: string | undefined): void {
    const { scope, node, index } = this.#job;
    const { journal } = scope.run;
    if (scope.cancellation?.draining || journal?.isSetAside(error)) return;
    if (this.ranHere && locate(error) !== undefined) return;
    scope.locate(error, node, index, Math.max(0, attempt));
    const location = locate(error);
    if (machine !== undefined && location !== undefined) setLocation(error, { ...location, machine });
  }

  /** Removes its listeners from the run. */
  close(): void {
    this.#ctx.close();
    this.#job.scope.cancellation?.unlisten(this.#fireDrain);
  }
}

/** A record of the attempts made for an executor. */
export class RecordedAttempts implements OwnAttempts {
  readonly exec: OwnAttempts["exec"];
  readonly tokens: number | undefined;
  readonly data: unknown[] = [];
  /** The number of attempts; written as each begins. */
  attempts = 0;
  /** The charged tokens; `undefined` if nothing was charged. */
  tokensCharged: number | undefined;
  /** The identity of the call, if the sending process determines it. */
  readonly identity: string | undefined;

  constructor(exec?: OwnAttempts["exec"], tokens?: number, identity?: string) {
    this.exec = exec;
    this.tokens = tokens;
    this.identity = identity;
  }

  context({ scope, node, index, step }: Job, number: number): StepContext {
    this.attempts = number + 1;
    return new RecordedContext(this, scope, node, index, number, step);
  }
}

/** A context that records emitted data and charges. */
class RecordedContext extends StepContext {
  readonly #own: RecordedAttempts;

  constructor(own: RecordedAttempts, ...given: ConstructorParameters<typeof StepContext>) {
    super(...given);
    this.#own = own;
  }

  override get emit(): StepContext["emit"] {
    const { emit } = { emit: super.emit };
    return (data) => {
      this.#own.data.push(data);
      return emit(data);
    };
  }

  override get charge(): StepContext["charge"] {
    const { charge } = { charge: super.charge };
    return (tokens) => {
      charge(tokens);
      if (isAmount(tokens)) this.#own.tokensCharged = (this.#own.tokensCharged ?? 0) + tokens;
    };
  }

  override get idempotencyKey(): string {
    const { identity } = this.#own;
    return identity === undefined ? super.idempotencyKey : keyOfCall(this.runId, identity);
  }
}

/** The place in the graph of a key: the key without the numbers of steps, items and attempts. */
const placeOf = (key: string): string => key.replace(/#\d+|\[\d+\]|!\d*/g, "");
