// The two objects behind a hook's context: the scope of the walk that it is part of, and the context itself.
import { type Cancellation, HookSignal } from "../base/cancellation.js";
import { SluiceError, setLocation, showPath } from "../base/errors.js";
import { type Named, nameOf } from "../base/name.js";
import { HELD, type Held } from "../gate/held-slots.js";
import { backpressure, emitEvent, type WarningCode } from "../observe/events.js";
import { RUN_SPAN } from "../observe/watch.js";
import type { Context, Params } from "./context.js";
import type { Run } from "./run.js";

/** What a context needs of the call's grant. */
interface Granted {
  readonly held: Held | undefined;
  charge(tokens: number): void;
}

const NOTHING_TO_AWAIT = Promise.resolve();

/** One walk inside a run: the flow it belongs to, and what all its nodes inherit. */
export class Scope {
  readonly run: Run;
  readonly params: Params;
  readonly cancellation: Cancellation | undefined;
  readonly index: number | undefined;
  readonly flow: Named | undefined;
  readonly strict: boolean;
  /** The span that this is part of, in a watched run. */
  readonly span: number | undefined;
  readonly #outer: Scope | undefined;
  readonly #iteration: number | undefined;

  constructor(
    run: Run,
    params: Params = run.params,
    cancellation: Cancellation | undefined = run.cancellation,
    flow?: Named,
    strict = false,
    outer?: Scope,
    iteration?: number,
    index: number | undefined = iteration ?? outer?.index,
    span: number | undefined = outer === undefined ? run.watch && RUN_SPAN : outer.span,
  ) {
    this.run = run;
    this.params = params;
    this.cancellation = cancellation;
    this.index = index;
    this.flow = flow;
    this.strict = strict;
    this.span = span;
    this.#outer = outer;
    this.#iteration = iteration;
  }

  /** The scope of a walk inside a flow; `index` is that of an iteration of a batch flow. */
  child(
    flow: Named,
    strict: boolean,
    params: Params | undefined,
    cancellation: Cancellation | undefined,
    iteration?: number,
  ): Scope {
    const merged = params === undefined ? this.params : Object.freeze({ ...this.params, ...params });
    return new Scope(this.run, merged, cancellation, flow, strict, this, iteration);
  }

  /** The same scope on another level of cancellation, or inside another span. */
  with(cancellation: Cancellation | undefined, span = this.span): Scope {
    return new Scope(
      this.run,
      this.params,
      cancellation,
      this.flow,
      this.strict,
      this.#outer,
      this.#iteration,
      this.index,
      span,
    );
  }

  path(node: Named): (string | number)[] {
    const { flow } = this;
    const path = flow === undefined ? [] : (this.#outer?.path(flow) ?? [nameOf(flow)]);
    if (this.#iteration !== undefined) path.push(this.#iteration);
    path.push(nameOf(node));
    return path;
  }

  /** Writes down that a hook of a node threw this error. */
  locate(error: unknown, node: Named, item: number | undefined, attempt: number): void {
    const flow = this.flow && nameOf(this.flow);
    setLocation(error, { path: this.path(node), flow, node: nameOf(node), item, attempt });
  }

  /** The error of a node that would be one step too many. */
  tooManySteps(node: Named): SluiceError {
    const error = new SluiceError(
      "MAX_STEPS",
      `The run reached \`maxSteps: ${this.run.maxSteps}\` at ${showPath(this.path(node))}; if the loop is meant to be this long, raise \`maxSteps\``,
    );
    this.locate(error, node, this.index, 0);
    this.run.exceeded = error;
    return error;
  }

  /** What every event carries. */
  eventFields(node: Named, at = performance.now(), index = this.index) {
    return { runId: this.run.id, path: this.path(node), index, at, parent: this.span };
  }

  warn(code: WarningCode, message: string, node: Named): void {
    const { events } = this.run;
    if (events !== undefined)
      emitEvent(events, { type: "warning", ...this.eventFields(node), code, message });
  }
}

/**
 * Who closes a context that was asked for its signal. A worker lives long, and a pointer from it to each new
 * context is work for the garbage collector (6 % of a small item), so most contexts are never told to it.
 */
export interface Closer {
  ctx: StepContext | undefined;
}

/** What only some contexts ever have; apart, so that the others are small: one is made for each step and item. */
class Rare {
  grant: Granted | undefined = undefined;
  signal: HookSignal | undefined = undefined;
  deadline: Cancellation | undefined = undefined;
  abandoned = false;
}

/** The engine's side of a {@link Context}. */
export class StepContext implements Context {
  readonly attempt: number;
  readonly index: number | undefined;
  readonly scope: Scope;
  readonly node: Named;
  readonly #closer: Closer | undefined;
  #rare: Rare | undefined = undefined;

  constructor(scope: Scope, node: Named, index: number | undefined, attempt = 0, closer?: Closer) {
    this.scope = scope;
    this.node = node;
    this.index = index;
    this.attempt = attempt;
    this.#closer = closer;
  }

  get params(): Params {
    return this.scope.params;
  }

  get runId(): string {
    return this.scope.run.id;
  }

  get cancellation(): Cancellation | undefined {
    return this.#rare?.deadline ?? this.scope.cancellation;
  }

  get [HELD](): Held | undefined {
    const grant = this.#rare?.grant;
    return grant === undefined ? this.scope.run.held : grant.held;
  }

  get signal(): AbortSignal {
    this.#rare ??= new Rare();
    this.#rare.signal ??= new HookSignal(this.cancellation);
    if (this.#closer !== undefined) this.#closer.ctx = this;
    return this.#rare.signal.signal;
  }

  get emit(): (data: unknown) => Promise<void> {
    return (data) => {
      const { events } = this.scope.run;
      if (events === undefined || this.#isOver) return NOTHING_TO_AWAIT;
      emitEvent(events, { type: "data", ...this.scope.eventFields(this.node, undefined, this.index), data });
      return backpressure(events, this.cancellation) ?? NOTHING_TO_AWAIT;
    };
  }

  get charge(): (tokens: number) => void {
    return (tokens) => {
      if (!this.#isOver) this.#rare?.grant?.charge(tokens);
    };
  }

  /** Ties the context to the slots and the tokens of one call through its gates. */
  hold(grant: Granted): void {
    this.#rare ??= new Rare();
    this.#rare.grant = grant;
  }

  /** Puts the attempt under a level of cancellation of its own. */
  limit(deadline: Cancellation): void {
    this.#rare ??= new Rare();
    this.#rare.deadline = deadline;
  }

  get #isOver(): boolean {
    return this.#rare?.abandoned === true || this.scope.run.over || this.cancellation?.abandoning === true;
  }

  /** Ends the attempt: its signal follows the run no longer. */
  close(abandoned = false): void {
    if (abandoned) (this.#rare ??= new Rare()).abandoned = true;
    this.#rare?.signal?.close();
  }
}
