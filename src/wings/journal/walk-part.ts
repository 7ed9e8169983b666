// One walk of a journaled run: where it is, and the hooks that bring it on.
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
import type { Change } from "./driver.js";
import { encode, problemOf } from "./plain-data.js";
import type { Part, StoreCut } from "./store-cut.js";

/** A walk as its row has it. */
export interface SavedWalk {
  /** The id of its node, in its flow. */
  readonly node: string;
  /** Steps that it had begun before that one. */
  readonly steps: number;
  /** What is next: the `prep` of its node, or what follows; or how it has ended. */
  readonly phase: "prep" | "exec" | "ended";
  /** What `prep` had returned, as text, where it was no object. */
  readonly input?: string;
  readonly action?: string | null;
}

/** What a walk needs of its run. */
export interface WalkHost {
  /** A step has ended: what is at and under its key is over, and a cut is due. */
  stepEnded(cut: StoreCut, key: string): void;
  /** A hook that throws leaves the cut before it in force. */
  broke(cut: StoreCut, key: string): void;
}

/** What a resumed walk has of the step that it was in. */
export interface Kept {
  readonly input: unknown;
}

/** A walk in progress. */
export class WalkPart implements Part, WalkRecord {
  readonly key: string;
  readonly scope: Scope;
  readonly cut: StoreCut;
  readonly #alone: boolean;
  readonly #host: WalkHost;
  node: Step;
  steps: number;
  /** Written by `prep` and #move. */
  phase: SavedWalk["phase"] = "prep";
  #action: string | null | undefined;
  /** What `prep` gave; written by #prepared. */
  #input: unknown;
  /** Whether a cut has kept the input; written by cuts. */
  isKept = false;
  /** Whether it was found out that the input cannot be kept; written by cuts. */
  #isUnkeepable = false;
  /** What an earlier process has kept of the step that is resumed; read once, by `prep`. */
  #kept: Kept | undefined;
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
    this.steps = saved?.steps ?? 0;
    this.#kept = saved?.kept;
    cut.parts.add(this);
  }

  get input(): { readonly key: string; readonly value: object } | undefined {
    if (this.phase !== "exec" || this.#isUnkeepable || !isObject(this.#input)) return undefined;
    return { key: this.key, value: this.#input };
  }

  get isOver(): boolean {
    return this.phase === "ended";
  }

  keptInput(isKept: boolean): void {
    this.isKept = isKept;
    if (!isKept) this.#isUnkeepable = true;
  }

  changes(): Change | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    const isPrimitive =
      this.phase === "exec" && !isObject(this.#input) && problemOf(this.#input) === undefined;
    if (isPrimitive) this.isKept = true;
    const saved: SavedWalk = {
      node: this.scope.idOf(this.node),
      steps: this.steps,
      phase: this.phase === "exec" && !this.isKept ? "prep" : this.phase,
      ...(isPrimitive ? { input: encode(this.#input) } : {}),
      ...(this.phase === "ended" ? { action: this.#action ?? null } : {}),
    };
    return { put: { kind: "walk", key: this.key, item: "", value: JSON.stringify(saved) } };
  }

  prep(node: Step, shared: unknown, ctx: StepContext): unknown {
    const kept = this.#kept;
    this.#kept = undefined;
    this.node = node;
    this.steps = ctx.step - 1;
    if (kept !== undefined) return this.#prepared(kept.input, true);
    this.phase = "prep";
    this.isKept = this.#isUnkeepable = false;
    this.#hasChanged = true;
    return this.#call(
      "prep",
      node,
      () => node.prep(shared, ctx),
      (value) => this.#prepared(value, false),
    );
  }

  #prepared(value: unknown, isKept: boolean): unknown {
    this.#input = value;
    this.isKept = isKept;
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
    // Only a leaf may wait: the `post` of a flow follows in the turn of what is inside.
    const room = node[NODE].leaf ? this.cut.room() : undefined;
    return room === undefined ? call() : after(this.#raced(room), call, rethrow);
  }

  /** A wait that a drain or an abort ends, which the walk then sees by itself. */
  #raced(room: Promise<void>): Promise<void> {
    const { cancellation } = this.scope;
    if (cancellation === undefined) return room;
    return new Promise((resolve) => {
      const end = () => {
        cancellation.unlisten(end);
        resolve();
      };
      cancellation.listen(end);
      void room.then(end);
    });
  }

  /** Calls a hook that may write the store. */
  #call(hook: string, node: Step, call: () => unknown, then: (value: unknown) => unknown): unknown {
    const leave = this.cut.enter(node, hook);
    const failed = (error: unknown) => {
      leave();
      this.#host.broke(this.cut, this.key);
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
      return then(given);
    };
    return isThenable(value) ? after(value, ended, failed) : ended(value);
  }

  /** Goes to the node that the action leads to, or ends. The walk itself judges an action that is none. */
  #move(node: Step, action: Action, step: number): Action {
    const { links } = node[NODE];
    const next = this.#alone ? undefined : links.get(action || "default");
    const isWrong = action !== undefined && action !== null && typeof action !== "string";
    const isStray =
      next === undefined && !this.#alone && this.scope.strict && Boolean(action) && links.size > 0;
    if (isWrong || isStray) {
      this.#host.broke(this.cut, this.key);
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
      this.#action = (action as string | null | undefined) ?? null;
    }
    this.#host.stepEnded(this.cut, key);
    return action;
  }
}
