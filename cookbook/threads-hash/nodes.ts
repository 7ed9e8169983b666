// The one step: stretch many passwords. Where it runs is handed to it.
import { AsyncParallelBatchNode, type Context, type ParallelBatchNodeOptions } from "sluice";
import type { Step } from "./hash.js";

/** What the nodes share. */
export interface Shared {
  readonly passwords: readonly string[];
  readonly rounds: number;
  hashes: string[];
}

/** Gives the steps of one password: from a thread, or from this one. */
export type Stretch = (
  password: string,
  rounds: number,
  ctx: Context,
) => AsyncIterable<Step> | Iterable<Step>;

/** Stretches the passwords, and sends on how far each one is. */
export class StretchAll extends AsyncParallelBatchNode<Shared, { password: string; rounds: number }, string> {
  readonly #stretch: Stretch;

  constructor(stretch: Stretch, options: ParallelBatchNodeOptions) {
    super(options);
    this.#stretch = stretch;
  }

  override prep({ passwords, rounds }: Shared) {
    return passwords.map((password) => ({ password, rounds }));
  }

  override async exec(
    { password, rounds }: { password: string; rounds: number },
    ctx: Context,
  ): Promise<string> {
    for await (const step of this.#stretch(password, rounds, ctx)) {
      if ("hash" in step) return step.hash;
      await ctx.emit({ item: ctx.index, percent: step.percent });
    }
    throw new Error("The hash ended without a result");
  }

  override post(shared: Shared, _items: unknown, hashes: string[]): void {
    shared.hashes = hashes;
  }
}
