// The items of one execution of a batch node, as a fan-out.
import { NODE } from "../base/keys.js";
import { attempt } from "../engine/attempts.js";
import { type Call, executeItem, NOT_STARTED, startItem } from "../engine/execute.js";
import { FanOut } from "../engine/fan-out.js";
import type { FanOutSettings } from "../engine/fan-out-settings.js";
import { wrapItem } from "../engine/items.js";
import type { Scope } from "../engine/scope.js";
import type { Settings } from "../engine/settings.js";
import { StepContext } from "../engine/step-context.js";
import type { Worker } from "../engine/worker.js";
import type { BatchNode } from "./batch.js";

/** The items of one execution of a batch node. */
export class ItemFanOut<S> extends FanOut {
  readonly #node: BatchNode<S>;
  readonly #shared: S;
  readonly #settings: Settings;
  /** Whether first attempts take the short path without gates. */
  readonly #isBare: boolean;

  constructor(
    node: BatchNode<S>,
    items: unknown,
    shared: S,
    scope: Scope,
    batch: FanOutSettings,
    step: number,
  ) {
    const { concurrency, collect, maxFailures } = batch;
    const delivers = node.onResult !== undefined;
    const kind = { concurrency, collect, maxFailures, leaf: true, keepResults: !delivers, delivers };
    super(node, items, scope, kind, step);
    this.#node = node;
    this.#shared = shared;
    this.#settings = node[NODE].settings;
    const { watch, meter, journal } = scope.run;
    const { runsInline, isGated } = this.#settings;
    const isSeen = watch !== undefined || meter !== undefined || journal !== undefined;
    this.#isBare = runsInline && !isGated && !isSeen;
  }

  protected override executeItem(item: unknown, index: number, worker: Worker): unknown {
    if (this.#isBare) return executeItem(this.#node as never, this.scope, item, index, worker);
    return this.#performWithCare(item, index, worker);
  }

  #performWithCare(item: unknown, index: number, worker: Worker): unknown {
    const node = this.#node;
    const { scope } = this;
    const { watch } = scope.run;
    if (watch !== undefined) {
      return wrapItem(watch, node, scope, item, index, worker, (inner) =>
        attempt(this.#job(item, index, inner, worker)),
      );
    }
    const result = startItem(node as never, this.#settings, scope, item, index, worker);
    return result === NOT_STARTED ? attempt(this.#job(item, index, scope, worker)) : result;
  }

  protected override recover(error: unknown, item: unknown, index: number, worker: Worker): unknown {
    if (worker.tries > 0) throw error; // no attempts are left
    return attempt(this.#job(item, index, this.scope, worker), { error });
  }

  protected override async deliver(result: unknown, item: unknown, index: number): Promise<void> {
    const ctx = new StepContext(this.scope, this.#node, index, 0, 1);
    try {
      await this.#node.onResult?.(this.#shared, result, item, ctx);
    } finally {
      ctx.close();
    }
  }

  #job(input: unknown, index: number, scope: Scope, worker: Worker): Call {
    return { node: this.#node as never, settings: this.#settings, scope, input, index, step: 1, worker };
  }
}
