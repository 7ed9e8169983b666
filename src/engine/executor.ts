// Executors: where `exec` runs, if not in this process. Only a program with an executor loads this module.
import { raced } from "../base/cancellation.js";
import { SluiceError, show, showPath } from "../base/errors.js";
import { EXECUTOR } from "../base/keys.js";
import { isObject } from "../base/realms.js";
import { isSharedGate } from "../gate/brand.js";
import type { Passable } from "../gate/passable.js";
import type { Call } from "./execute.js";
import { type ExecutorCall, OpenCall } from "./executor-call.js";
import { type AttemptReport, reportAttempts } from "./executor-reports.js";
import type { Reservation } from "./meter.js";
import { costOf } from "./one-attempt.js";

/** The outcome of a call: the result of `exec` or its fallback, or its error. */
export type ExecutorAnswer = AnswerDetails & ({ readonly value: unknown } | { readonly error: unknown });

/** Details of a call that ran in another process. They are ignored after {@link ExecutorCall.local}. */
export interface AnswerDetails {
  /** The data of `ctx.emit`, unless it was sent by {@link ExecutorCall.emit}. */
  readonly emitted?: readonly unknown[] | undefined;
  /** The charged tokens. @default the result of `cost()` */
  readonly charged?: number | undefined;
  /** The number of calls of `exec`, or a report of each. 0 returns the tokens that `cost()` reserved. @default 1 */
  readonly attempts?: number | readonly AttemptReport[] | undefined;
  /** The name of the machine, for {@link locate}. */
  readonly machine?: string | undefined;
}

/**
 * A place where `exec` runs: this process, its threads, other machines, a vendor's bulk API. It is the option
 * `executor` of nodes and batch nodes.
 *
 * The run keeps `prep`, the walk, `onResult`, `join`, `post`, its budget and its journal. The executor gets each call
 * of a node that has it: once for each item, whatever `attempts` is.
 *
 * @example
 * ```ts
 * import { Executor, type ExecutorCall, Flow, node } from "sluice";
 *
 * class Cached extends Executor {
 *   readonly #known = new Map<string, unknown>();
 *   override async execute(call: ExecutorCall) {
 *     const key = JSON.stringify([call.place, call.input]);
 *     if (this.#known.has(key)) return { value: this.#known.get(key), attempts: 0 };
 *     const answer = await call.local();
 *     if ("value" in answer) this.#known.set(key, answer.value);
 *     return answer;
 *   }
 * }
 * let calls = 0;
 * const square = node({ executor: new Cached(), prep: () => 7, exec: (n) => { calls++; return n * n; } });
 * const flow = new Flow(square);
 * await flow.run({});
 * await flow.run({});
 * calls; // => 1
 * ```
 */
export abstract class Executor {
  /**
   * Whether calls leave this process. Then a gate or a rate of its nodes must be shared, because each machine has its own
   * gate object; otherwise the node is refused with `GATE_NOT_SHARED`. @default false
   */
  readonly remote: boolean = false;

  /**
   * Executes one call.
   *
   * @returns The outcome. If it throws, the call fails with that error, without further attempts or a fallback. After
   * an abort the run does not wait for it; during a drain it does, and a call without an answer counts as not done.
   */
  abstract execute(call: ExecutorCall): PromiseLike<ExecutorAnswer>;

  /** @internal */
  get [EXECUTOR](): EngineSide {
    return new EngineSide(this);
  }
}

/** The engine's side of an executor. */
class EngineSide {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** @throws SluiceError `GATE_NOT_SHARED`. */
  check(where: string, gates: readonly Passable[]): void {
    if (this.#executor.remote) checkShared(where, gates);
  }

  /** Executes a call within the budget. */
  async run(job: Call): Promise<unknown> {
    const { node, scope, index, worker } = job;
    const { run, cancellation } = scope;
    worker?.releaseSlots(run.held);
    cancellation?.throwIfDraining();
    let reservation: Reservation | undefined;
    let tokens: number | undefined;
    if (worker !== undefined) worker.tries = 1;
    if (run.meter !== undefined) {
      try {
        tokens = node.cost === undefined ? 0 : await costOf(job);
      } catch (error) {
        cancellation?.throwIfDraining();
        scope.locate(error, node, index, 0);
        throw error;
      }
      const fields = () => scope.eventFields(node, undefined, index);
      reservation = await run.meter.reserve(tokens, cancellation, fields, run.host);
    }
    const call = new OpenCall(job, tokens, () => reservation?.end(false));
    let calls = 0;
    try {
      cancellation?.throwIfDraining();
      calls = 1;
      const answer = await raced(this.#execute(call), cancellation);
      cancellation?.throwIfAborted();
      if (call.ranHere) return resultOf(answer);
      calls = attemptsOf(answer);
      if (worker !== undefined) worker.tries = calls;
      reportAttempts(job, answer);
      for (const data of answer.emitted ?? []) void call.emit(data);
      if (answer.charged !== undefined) reservation?.charge(answer.charged);
      if ("error" in answer) cancellation?.throwIfDraining();
      return resultOf(answer);
    } catch (error) {
      cancellation?.throwIfDraining(); // a run that is ending does not decide a failure
      throw error;
    } finally {
      call.close();
      reservation?.end(calls > 0, calls);
    }
  }

  /** Returns an answer, and records the place of an error. */
  async #execute(call: OpenCall): Promise<ExecutorAnswer> {
    let answer: ExecutorAnswer;
    try {
      answer = await this.#executor.execute(call);
      checkAnswer(answer, call);
    } catch (error) {
      call.locate(error, 0, undefined);
      throw error;
    }
    if ("error" in answer) call.locate(answer.error, attemptsOf(answer) - 1, answer.machine);
    return answer;
  }
}

const attemptsOf = ({ attempts = 1 }: AnswerDetails): number =>
  typeof attempts === "number" ? attempts : attempts.length;

function resultOf(answer: ExecutorAnswer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.value;
}

function checkAnswer(answer: unknown, call: ExecutorCall): void {
  if (isObject(answer) && ("value" in answer || "error" in answer)) return;
  throw new SluiceError(
    "INVALID_EXECUTION",
    `The executor of ${showPath(call.path)}: expected execute() to return { value } or { error }, got ${show(answer)}`,
  );
}

/** @throws SluiceError `GATE_NOT_SHARED` for a gate that is not shared between machines. */
export function checkShared(where: string, gates: readonly unknown[]): void {
  if (gates.every(isSharedGate)) return;
  throw new SluiceError(
    "GATE_NOT_SHARED",
    `${where}: its executor sends calls to other machines, each of which would have its own copy of this gate; use a shared gate, new Gate({ …, shared: redisLimit(…) }), or remove the gate and the \`rate\``,
  );
}
