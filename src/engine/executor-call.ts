// A call, as an executor gets it.
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
  /** Names the call in the run, as {@link Context.key} does. */
  readonly key: string;
  /**
   * Names the node in its graph, such as `Crawl/Pages/Fetch`: the same for all of its calls and in all processes that
   * make the same graph.
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
  /** The same for the same call in a run that is resumed, as {@link Context.idempotencyKey}. */
  readonly idempotencyKey: string;
  /** Fires when the call must stop: after an abort or a sibling's failure. */
  readonly signal: AbortSignal;
  /** Fires when the run drains: a running attempt may finish, and no other may begin. */
  readonly drain: AbortSignal;
  /** Sends data to the run's listeners at once, as {@link Context.emit}. */
  emit(data: unknown): Promise<void>;
  /**
   * Makes the call in this process: attempts, gates, `around` hooks, `exec` and its fallback, as if there were no
   * executor. The run gets emitted data and charges at once; the answer has them too.
   *
   * @param exec - Called in place of the node's `exec`, with the same arguments.
   * @throws The error of the call.
   */
  local(exec?: (input: unknown, ctx: Context) => unknown): Promise<ExecutorAnswer>;
  /**
   * Ends a call that cannot be made with the result of the node's fallback.
   *
   * @throws The error of the fallback: by default the given error.
   */
  fallback(error: unknown): Promise<ExecutorAnswer>;
}

/** A call of a job, until it is closed. For executors of ours; its own parts may change in any release. */
export class OpenCall implements ExecutorCall {
  /** Whether attempts were made in this process; written by `local`. */
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

  /** The engine's side of it, for executors of ours. */
  get job(): Call {
    return this.#job;
  }

  /** What {@link idempotencyKey} is made of, beside the run's id. */
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

/** What attempts did that were made for an executor. */
export class RecordedAttempts implements OwnAttempts {
  readonly exec: OwnAttempts["exec"];
  readonly tokens: number | undefined;
  readonly data: unknown[] = [];
  /** Written as each begins. */
  attempts = 0;
  /** `undefined` where nothing was charged. */
  tokensCharged: number | undefined;
  /** What names the call, where that is not for this process to say. */
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

/** A context that reports emitted data and charges. */
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

/** The place in the graph that a key belongs to: without the numbers of steps, items and attempts. */
const placeOf = (key: string): string => key.replace(/#\d+|\[\d+\]|!\d*/g, "");
