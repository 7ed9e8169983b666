// One walk of a journaled run: its position, and the hooks that advance it.
import type { Action } from "sluice";
import {
  after,
  isObject,
  isThenable,
  NODE,
  rethrow,
  type Scope,
  type Step,
  type StepContext,
  type WalkRecord,
} from "sluice/internal";
import { encode, problemOf } from "../shared/plain-data.js";
import type { Change } from "./driver.js";
import type { Part, StoreCut } from "./store-cut.js";
import { waitOr } from "./writers.js";

/** The row of a walk. */
export interface SavedWalk {
  /** The id of its node, in its flow. */
  readonly node: string;
  /** The number of steps begun before it. */
  readonly steps: number;
  /** The next part: the `prep` of its node, or the rest of the step; or the end. */
  readonly phase: "prep" | "exec" | "ended";
  /** Whether `prep` was called and counted before, and has to be called again. */
  readonly again?: true;
  /** The result of `prep` as text, if it is not an object. */
  readonly input?: string;
  /** Absent if `post` returned nothing. */
  readonly action?: string | null | undefined;
}

/** The part of a run that a walk uses. */
export interface WalkHost {
  /** Called when a step has ended: the rows at and under its key are obsolete, and a cut is due. */
  stepEnded(cut: StoreCut, key: string, node: Step): void;
  /** Called when a hook that was writing a store has ended. */
  hookEnded(cut: StoreCut): void;
}

/** The recorded step of a resumed walk. */
export interface Kept {
  readonly input: unknown;
}

/** An active walk. */
export class WalkPart implements Part, WalkRecord {
  readonly key: string;
  readonly scope: Scope;
  readonly cut: StoreCut;
  readonly #alone: boolean;
  readonly #host: WalkHost;
  node: Step;
  steps = 0;
  /** Written by `prep` and #move. */
  phase: SavedWalk["phase"] = "prep";
  #action: Action;
  /** The result of `prep`; written by #prepared. */
  #input: unknown;
  /** Whether a cut has kept the input; written by cuts. */
  isKept = false;
  /** Whether the input cannot be kept; written by cuts. */
  #isUnkeepable = false;
  /** Whether an earlier process has kept the input of the resumed step; read once, by `prep`. */
  isPrepared = false;
  /** Whether the input must not be kept yet, because the names of its items are not known; written by a batch. */
  isOpening = false;
  #hasChanged = true;

  constructor(
    host: WalkHost,
    key: string,
    scope: Scope,
    cut: StoreCut,
    start: Step,
    alone: boolean,
    saved?: { readonly steps: number; readonly kept: Kept | undefined },
  ) {
    this.#host = host;
    this.key = key;
    this.scope = scope;
    this.cut = cut;
    this.#alone = alone;
    this.node = start;
    cut.parts.add(this);
    if (saved === undefined) return;
    this.steps = saved.steps;
    this.#hasChanged = false;
    if (saved.kept === undefined) return;
    this.phase = "exec";
    this.#input = saved.kept.input;
    this.isKept = this.isPrepared = true;
  }

  get input(): object | undefined {
    const mayBeKept = this.phase === "exec" && !this.#isUnkeepable && !this.isOpening;
    return mayBeKept && isObject(this.#input) ? this.#input : undefined;
  }

  get isOver(): boolean {
    return this.phase === "ended";
  }

  keptInput(isKept: boolean): void {
    if (isKept !== this.isKept) this.#hasChanged = true; // recorded in its row
    this.isKept = isKept;
    if (!isKept) this.#isUnkeepable = true;
  }

  changes(): Change | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    const isPrimitive =
      this.phase === "exec" && !isObject(this.#input) && problemOf(this.#input) === undefined;
    if (isPrimitive) this.isKept = true;
    const isAgain = this.phase === "exec" && !this.isKept;
    const saved: SavedWalk = {
      node: this.scope.idOf(this.node),
      steps: this.steps,
      phase: isAgain ? "prep" : this.phase,
      ...(isAgain ? { again: true } : {}),
      ...(isPrimitive ? { input: encode(this.#input) } : {}),
      ...(this.phase === "ended" ? { action: this.#action as string | null | undefined } : {}),
    };
    return { put: { kind: "walk", key: this.key, item: "", value: JSON.stringify(saved) } };
  }

  prep(node: Step, shared: unknown, ctx: StepContext): unknown {
    this.node = node;
    this.steps = ctx.step - 1;
    if (this.isPrepared) {
      this.isPrepared = false;
      return this.#input;
    }
    this.phase = "prep";
    this.isKept = this.#isUnkeepable = false;
    this.#hasChanged = true;
    return this.#call(
      "prep",
      node,
      () => node.prep(shared, ctx),
      (value) => this.#prepared(value),
    );
  }

  #prepared(value: unknown): unknown {
    this.#input = value;
    this.phase = "exec";
    this.#hasChanged = true;
    return value;
  }

  post(node: Step, shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown {
    const call = () =>
      this.#call(
        "post",
        node,
        () => node.post(shared, prepared, result, ctx),
        (action) => this.#move(node, action as Action, ctx.step),
      );
    // Only a leaf may wait: the `post` of a flow must run in the same turn as the end of its walk.
    const room = node[NODE].leaf ? this.cut.writers.room() : undefined;
    if (room === undefined) return call();
    const { cancellation } = this.scope;
    const callUnlessAborted = () => {
      cancellation?.throwIfAborted();
      return call();
    };
    return after(waitOr(cancellation, room), callUnlessAborted, rethrow);
  }

  /** Calls a hook that may write the store. */
  #call(hook: string, node: Step, call: () => unknown, then: (value: unknown) => unknown): unknown {
    const { writers } = this.cut;
    const leave = writers.enter(node, hook);
    const failed = (error: unknown) => {
      leave();
      writers.break(this.key);
      throw error;
    };
    let value: unknown;
    try {
      value = call();
    } catch (error) {
      return failed(error);
    }
    const ended = (given: unknown) => {
      leave();
      const outcome = then(given);
      this.#host.hookEnded(this.cut);
      return outcome;
    };
    return isThenable(value) ? after(value, ended, failed) : ended(value);
  }

  /** Moves to the next node of the action, or ends. The walk itself checks invalid actions. */
  #move(node: Step, action: Action, step: number): Action {
    const { links } = node[NODE];
    const next = this.#alone ? undefined : links.get(action || "default");
    const isWrong = action !== undefined && action !== null && typeof action !== "string";
    const isStray =
      next === undefined && !this.#alone && this.scope.strict && Boolean(action) && links.size > 0;
    if (isWrong || isStray) {
      this.cut.writers.break(this.key);
      return action;
    }
    const key = this.scope.keyOf(node, step);
    this.#hasChanged = true;
    this.#input = undefined;
    this.isKept = this.#isUnkeepable = false;
    if (next) {
      this.node = next;
      this.steps = step;
      this.phase = "prep";
    } else {
      this.phase = "ended";
      this.#action = action;
    }
    this.#host.stepEnded(this.cut, key, node);
    return action;
  }
}
