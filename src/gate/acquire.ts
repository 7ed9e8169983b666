// The way of one call through its gates: slots, then tokenQueue, then the pause, then the start; after a 429
// the same way again. Gate says what may pass; this room says in which order.
import type { Cancellation } from "../base/cancellation.js";
import { SluiceError, show } from "../base/errors.js";
import { isAmount } from "../base/options.js";
import type { GateLog, PauseWatcher } from "../observe/gate-log.js";
import { type Held, releaseCarried, releaseSlots, type SlotCarrier, takeSlots } from "./held-slots.js";
import type { Semaphore } from "./semaphore.js";
import type { TokenQueue } from "./token-queue.js";

/** What a call needs of a gate, of whichever build of sluice. */
export interface Passable {
  readonly name: string | undefined;
  readonly semaphore: Semaphore | undefined;
  readonly tokenQueue: TokenQueue;
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
export interface AcquireRequest {
  readonly gates: readonly Passable[];
  /** Tokens to reserve. */
  readonly tokens: number;
  /** The slots that the caller holds already; those of the same gates are borrowed. */
  readonly borrowedFrom: Held | undefined;
  readonly cancellation: Cancellation | undefined;
  /** Whether slots are taken and a 429 is sat out: for a leaf `exec`, not for a walk. */
  readonly slots: boolean;
  readonly carrier?: SlotCarrier | undefined;
  /** Whether the caller races the call against the abort, so that a wait that is abandoned need not settle. */
  readonly raced?: boolean | undefined;
  /** Is told of waits; only where somebody listens. */
  readonly log?: GateLog | undefined;
  /** Is told that the vendor has refused the call, and of the pause until it goes again. */
  readonly refused?: ((pause: number) => void) | undefined;
}

/** What a started call has of its gates, until {@link Grant.end}. */
export class Grant {
  /** The slots it holds, its own and those around it. */
  readonly held: Held | undefined;
  readonly #request: AcquireRequest;
  readonly #carrier: SlotCarrier;
  #charged: number | undefined = undefined;
  #lingering: PromiseLike<unknown> | undefined = undefined;

  constructor(request: AcquireRequest, carrier: SlotCarrier) {
    this.#request = request;
    this.#carrier = carrier;
    this.held = carrier.held ?? request.borrowedFrom;
    for (const gate of request.gates) {
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
    const before = this.#charged ?? this.#request.tokens;
    this.#charged = (this.#charged ?? 0) + tokens;
    for (const gate of this.#request.gates) gate.tokenQueue.settle(this.#charged - before);
  }

  /** Keeps the slots until abandoned work has really ended: the vendor is still busy with it. */
  linger(work: PromiseLike<unknown>): void {
    this.#lingering = work;
  }

  /** Ends the call. Its slots stay with the worker while nobody else waits for them. */
  end(): void {
    const { gates, borrowedFrom } = this.#request;
    const carrier = this.#carrier;
    if (this.#lingering !== undefined) {
      const { held } = this;
      carrier.held = undefined;
      const free = () => {
        for (const gate of gates) endOf(gate);
        releaseSlots(held, borrowedFrom);
      };
      this.#lingering.then(free, free);
      return;
    }
    // A lent slot is not kept, for those who wait for it are not seen; nor one that a nested call still uses.
    let wanted = borrowedFrom !== undefined || carrier.held?.slot.lent === true;
    for (const gate of gates) {
      endOf(gate);
      if (gate.semaphore !== undefined && gate.semaphore.waiting > 0) wanted = true;
    }
    if (wanted) releaseCarried(carrier, borrowedFrom);
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
export function tryAcquire(request: AcquireRequest, carrier: SlotCarrier): Grant | undefined {
  const { gates, tokens, borrowedFrom } = request;
  const [gate, second] = gates;
  // A borrowed slot may have to be waited for, and two gates must be passed at one moment: not here.
  if (gate === undefined || second !== undefined || borrowedFrom !== undefined) return undefined;
  checkCost(gate, tokens);
  if (carrier.held === undefined && gate.semaphore !== undefined) {
    const slot = gate.semaphore.take();
    if (slot === undefined) return undefined;
    carrier.held = { gate, slot, borrowedFrom: undefined };
  }
  return gate.tokenQueue.take(tokens) ? new Grant(request, carrier) : undefined;
}

/**
 * Runs a call under all its gates. The first gate is the one that a 429 pauses.
 *
 * @param failed - What the call threw when it started after {@link tryAcquire}: it goes on from there.
 */
export async function acquire<T>(
  request: AcquireRequest,
  call: (grant: Grant) => T | PromiseLike<T>,
  failed?: { readonly error: unknown },
): Promise<T> {
  const { gates, tokens, borrowedFrom, cancellation, slots, raced } = request;
  for (const gate of gates) checkCost(gate, tokens);
  cancellation?.throwIfAborted();
  const wasDraining = cancellation?.draining; // a call inside one in flight, which still may be made
  const carrier = request.carrier ?? {};
  const onAbandon = () => {
    for (const { counts } of gates) counts.waiting--;
    releaseCarried(carrier, borrowedFrom);
  };
  let failure = failed;
  try {
    for (let pauses = 0; ; pauses++) {
      if (failure !== undefined)
        pauseAfterRefusal(request, failure.error, failed === undefined ? pauses - 1 : pauses);
      for (const { counts } of gates) counts.waiting++;
      const entered = request.log === undefined ? undefined : reportWait(request, request.log, carrier);
      try {
        if (slots && carrier.held === undefined && gates.some(({ semaphore }) => semaphore !== undefined)) {
          carrier.held = await takeSlots(gates, borrowedFrom, cancellation, raced ? onAbandon : undefined);
        }
        // Taken here without waiting, they are used in this very turn, as the promise about windows wants.
        if (!takeNow(gates, tokens))
          await waitForPermits(gates, tokens, cancellation, pauses > 0, raced ? onAbandon : undefined);
      } finally {
        for (const { counts } of gates) counts.waiting--;
      }
      if (cancellation?.aborted || (cancellation?.draining && !wasDraining)) {
        for (const gate of gates) gate.tokenQueue.giveBack(tokens); // it has fired since the grant
        throw cancellation.reason;
      }
      entered?.();
      const grant = new Grant(request, carrier);
      try {
        return await enter(gates, () => call(grant));
      } catch (error) {
        cancellation?.throwIfAborted();
        failure = { error };
      } finally {
        grant.end();
      }
    }
  } finally {
    if (request.carrier === undefined) releaseCarried(carrier, borrowedFrom);
  }
}

/** Pauses the gate for a call that the vendor refused; any other error is thrown. */
function pauseAfterRefusal(
  { gates: [gate], slots, refused }: AcquireRequest,
  error: unknown,
  pauses: number,
): void {
  const pause = slots ? gate?.pauseAfter(error) : undefined;
  if (gate === undefined || pause === undefined) throw error;
  gate.counts.refused++;
  const before = gate.tokenQueue.pause;
  gate.tokenQueue.pauseFor(pause); // for the others, also when this call has sat out enough of them
  const now = gate.tokenQueue.pause;
  if (now > before) {
    gate.paused = true;
    for (const watcher of gate.watchers) watcher.paused(gate, performance.now() + now);
  }
  if (pauses >= gate.maxPauses) throw error;
  refused?.(now);
}

/** Tells of a wait, if there is one, and gives what tells of its end. */
function reportWait(
  { gates, tokens, slots }: AcquireRequest,
  log: GateLog,
  carrier: SlotCarrier,
): (() => void) | undefined {
  const now = performance.now();
  const full = ({ semaphore }: Passable) =>
    slots &&
    carrier.held === undefined &&
    semaphore !== undefined &&
    semaphore.running >= semaphore.concurrency;
  const busy = gates.find((gate) => full(gate) || !gate.tokenQueue.isReady(tokens, now));
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
  gate.tokenQueue.take(
    tokens,
    others.map(({ tokenQueue }) => tokenQueue),
  );

async function waitForPermits(
  gates: readonly Passable[],
  tokens: number,
  cancellation: Cancellation | undefined,
  wasLetGo: boolean,
  onAbandon: (() => void) | undefined,
): Promise<void> {
  const [tokenQueue, ...others] = gates.map((gate) => gate.tokenQueue);
  for (let first = wasLetGo; ; first = true) {
    await tokenQueue?.wait(tokens, others, cancellation, first, onAbandon);
    if (gates.every((gate) => gate.tokenQueue.pause === 0)) return;
    for (const gate of gates) gate.tokenQueue.giveBack(tokens); // a pause has begun since the grant
  }
}
