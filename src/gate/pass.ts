// The way of one call through its gates: slots, then permits, then the pause, then the start; after a 429
// the same way again. Gate says what may pass; this room says in which order.
import type { Cancellation } from "../abort.js";
import { SluiceError, show } from "../errors.js";
import { isAmount } from "../options.js";
import type { GateLog, PauseWatcher } from "../watch/gate-log.js";
import { type Held, type Keep, letGo, releaseSlots, takeSlots } from "./held.js";
import type { Permits } from "./permits.js";
import type { Semaphore } from "./semaphore.js";

/** What a call needs of a gate, of whichever build of sluice. */
export interface Passable {
  readonly name: string | undefined;
  readonly semaphore: Semaphore | undefined;
  readonly permits: Permits;
  /** Tokens that a whole period brings. */
  readonly tokensAPeriod: number;
  readonly maxPauses: number;
  readonly counts: { waiting: number; running: number; started: number; refused: number; ended: number };
  /** Above 0 while a holder's function runs its first, synchronous part. */
  entered: number;
  /** Whether no call has started since it was paused. */
  paused: boolean;
  readonly watchers: Set<PauseWatcher>;
  /** The pause that a failed call asks for, if any. */
  pauseAfter(error: unknown): number | undefined;
}

/** How a call passes. */
export interface Passage {
  readonly gates: readonly Passable[];
  /** Tokens to reserve. */
  readonly tokens: number;
  /** The slots that the caller holds already; those of the same gates are borrowed. */
  readonly around: Held | undefined;
  readonly cancellation: Cancellation | undefined;
  /** Whether slots are taken and a 429 is sat out: for a leaf `exec`, not for a walk. */
  readonly slots: boolean;
  readonly keep?: Keep | undefined;
  /** Whether the caller races the call against the abort, so that a wait that is abandoned need not settle. */
  readonly raced?: boolean | undefined;
  /** Is told of waits; only where somebody listens. */
  readonly log?: GateLog | undefined;
  /** Is told that the vendor has refused the call, and of the pause until it goes again. */
  readonly refused?: ((pause: number) => void) | undefined;
}

/** What a started call has of its gates, until {@link Permit.end}. */
export class Permit {
  /** The slots it holds, its own and those around it. */
  readonly held: Held | undefined;
  readonly #passage: Passage;
  readonly #keep: Keep;
  #charged: number | undefined = undefined;
  #lingering: PromiseLike<unknown> | undefined = undefined;

  constructor(passage: Passage, keep: Keep) {
    this.#passage = passage;
    this.#keep = keep;
    this.held = keep.held ?? passage.around;
    for (const gate of passage.gates) {
      gate.counts.running++;
      gate.counts.started++;
      if (gate.paused) resume(gate);
    }
  }

  /** Settles real tokens against reserved ones; several charges add up. */
  charge(tokens: number): void {
    if (!isAmount(tokens)) {
      const message = `charge(): expected tokens as a finite number from 0 up, got ${show(tokens)}`;
      throw new SluiceError("INVALID_COST", message);
    }
    const before = this.#charged ?? this.#passage.tokens;
    this.#charged = (this.#charged ?? 0) + tokens;
    for (const gate of this.#passage.gates) gate.permits.settle(this.#charged - before);
  }

  /** Keeps the slots until abandoned work has really ended: the vendor is still busy with it. */
  linger(work: PromiseLike<unknown>): void {
    this.#lingering = work;
  }

  /** Ends the call. Its slots stay with the worker while nobody else waits for them. */
  end(): void {
    const { gates, around } = this.#passage;
    const keep = this.#keep;
    if (this.#lingering !== undefined) {
      const { held } = this;
      keep.held = undefined;
      const free = () => {
        for (const gate of gates) endOf(gate);
        releaseSlots(held, around);
      };
      this.#lingering.then(free, free);
      return;
    }
    // A lent slot is not kept, for those who wait for it are not seen; nor one that a nested call still uses.
    let wanted = around !== undefined || keep.held?.slot.lent === true;
    for (const gate of gates) {
      endOf(gate);
      if (gate.semaphore !== undefined && gate.semaphore.waiting > 0) wanted = true;
    }
    if (wanted) letGo(keep, around);
  }
}

function resume(gate: Passable): void {
  gate.paused = false;
  for (const watcher of gate.watchers) watcher.resumed(gate);
}

function endOf({ counts }: Passable): void {
  counts.running--;
  counts.ended++;
}

/** Starts a call that need not wait for anything, or gives `undefined`; slots that it took are kept. */
export function passNow(passage: Passage, keep: Keep): Permit | undefined {
  const { gates, tokens, around } = passage;
  const [gate, second] = gates;
  // A borrowed slot may have to be waited for, and two gates must be passed at one moment: not here.
  if (gate === undefined || second !== undefined || around !== undefined) return undefined;
  checkCost(gate, tokens);
  if (keep.held === undefined && gate.semaphore !== undefined) {
    const slot = gate.semaphore.take();
    if (slot === undefined) return undefined;
    keep.held = { gate, slot, around: undefined };
  }
  return gate.permits.take(tokens) ? new Permit(passage, keep) : undefined;
}

/**
 * Runs a call under all its gates. The first gate is the one that a 429 pauses.
 *
 * @param failed - What the call threw when it started after {@link passNow}: it goes on from there.
 */
export async function pass<T>(
  passage: Passage,
  call: (permit: Permit) => T | PromiseLike<T>,
  failed?: { readonly error: unknown },
): Promise<T> {
  const { gates, tokens, around, cancellation, slots, raced } = passage;
  for (const gate of gates) checkCost(gate, tokens);
  cancellation?.throwIfAborted();
  const keep = passage.keep ?? {};
  const drop = () => {
    for (const { counts } of gates) counts.waiting--;
    letGo(keep, around);
  };
  let failure = failed;
  try {
    for (let pauses = 0; ; pauses++) {
      if (failure !== undefined) sitOut(passage, failure.error, failed === undefined ? pauses - 1 : pauses);
      for (const { counts } of gates) counts.waiting++;
      const entered = passage.log === undefined ? undefined : logWait(passage, passage.log, keep);
      try {
        if (slots && keep.held === undefined && gates.some(({ semaphore }) => semaphore !== undefined)) {
          keep.held = await takeSlots(gates, around, cancellation, raced ? drop : undefined);
        }
        // Taken here without waiting, they are used in this very turn, as the promise about windows wants.
        if (!takeNow(gates, tokens))
          await waitForPermits(gates, tokens, cancellation, pauses > 0, raced ? drop : undefined);
      } finally {
        for (const { counts } of gates) counts.waiting--;
      }
      if (cancellation?.aborted) {
        for (const gate of gates) gate.permits.giveBack(tokens); // it has fired since the grant
        throw cancellation.reason;
      }
      entered?.();
      const permit = new Permit(passage, keep);
      try {
        return await enter(gates, () => call(permit));
      } catch (error) {
        cancellation?.throwIfAborted();
        failure = { error };
      } finally {
        permit.end();
      }
    }
  } finally {
    if (passage.keep === undefined) letGo(keep, around);
  }
}

/** Pauses the gate for a call that the vendor refused; any other error is thrown. */
function sitOut({ gates: [gate], slots, refused }: Passage, error: unknown, pauses: number): void {
  const pause = slots ? gate?.pauseAfter(error) : undefined;
  if (gate === undefined || pause === undefined) throw error;
  gate.counts.refused++;
  const before = gate.permits.pause;
  gate.permits.pauseFor(pause); // for the others, also when this call has sat out enough of them
  const now = gate.permits.pause;
  if (now > before) {
    gate.paused = true;
    for (const watcher of gate.watchers) watcher.paused(gate, performance.now() + now);
  }
  if (pauses >= gate.maxPauses) throw error;
  refused?.(now);
}

/** Tells of a wait, if there is one, and gives what tells of its end. */
function logWait({ gates, tokens, slots }: Passage, log: GateLog, keep: Keep): (() => void) | undefined {
  const now = performance.now();
  const full = ({ semaphore }: Passable) =>
    slots && keep.held === undefined && semaphore !== undefined && semaphore.running >= semaphore.concurrency;
  const busy = gates.find((gate) => full(gate) || !gate.permits.isReady(tokens, now));
  return busy === undefined ? undefined : log(busy);
}

/** Marks the gates while a call runs its first, synchronous part, where a nested call can be seen. */
export function enter<T>(gates: readonly Passable[], call: () => T): T {
  for (const gate of gates) gate.entered++;
  try {
    return call();
  } finally {
    for (const gate of gates) gate.entered--;
  }
}

function checkCost(gate: Passable, tokens: number): void {
  if (tokens <= gate.tokensAPeriod) return;
  throw new SluiceError(
    "COST_TOO_HIGH",
    `A call costs ${tokens} tokens, but its gate gets only ${gate.tokensAPeriod} in a whole period; split the call or raise \`rate.tokens\``,
  );
}

const takeNow = ([gate, ...others]: readonly Passable[], tokens: number): boolean =>
  gate === undefined ||
  gate.permits.take(
    tokens,
    others.map(({ permits }) => permits),
  );

async function waitForPermits(
  gates: readonly Passable[],
  tokens: number,
  cancellation: Cancellation | undefined,
  wasLetGo: boolean,
  drop: (() => void) | undefined,
): Promise<void> {
  const [permits, ...others] = gates.map((gate) => gate.permits);
  for (let first = wasLetGo; ; first = true) {
    await permits?.wait(tokens, others, cancellation, first, drop);
    if (gates.every((gate) => gate.permits.pause === 0)) return;
    for (const gate of gates) gate.permits.giveBack(tokens); // a pause has begun since the grant
  }
}
