// The tree of a run's spans, and which of its parts have no order.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Around, Span } from "sluice";

/** A run, a step, an item or an attempt that has begun. */
export interface Frame {
  readonly span: Span | undefined;
  readonly parent: Frame | undefined;
  /** The last part to begin, and the parts that were open then; written when a part begins. */
  open: Frame[];
  /** The number of the piece in which it began. */
  readonly piece: number;
  /** Whether two parts were ever open at once; then its parts have no order. */
  isParallel: boolean;
}

const isOpen = ({ span }: Frame) => span?.ended === undefined;

/** The frames of all runs on one store. */
export class Frames {
  readonly #context = new AsyncLocalStorage<Frame>();
  readonly #root: Frame = { span: undefined, parent: undefined, open: [], piece: 0, isParallel: false };
  /** Open frames by run and id; written when one begins. */
  readonly #known = new Map<string, Frame>();

  /** Written only by `piece`. */
  #piece = 1;
  #isCounted = false;

  /** The hook that creates frames. It adds no wait. */
  readonly around: Around = (span, next) => {
    const parent = this.#known.get(`${span.runId} ${span.parent}`) ?? this.#context.getStore() ?? this.#root;
    const frame: Frame = { span, parent, open: [], piece: this.piece(), isParallel: false };
    for (const each of parent.open) if (!isOpen(each)) this.#known.delete(nameOf(each.span));
    parent.open = [...openParts(parent), frame];
    if (parent.open.length > 1) parent.isParallel = true;
    this.#known.set(nameOf(span), frame);
    return this.#context.run(frame, next);
  };

  /** The number of the current piece. */
  piece(): number {
    if (!this.#isCounted) {
      this.#isCounted = true;
      // Microtasks run in order, so this one precedes what follows a wait.
      queueMicrotask(() => {
        this.#isCounted = false;
        this.#piece++;
      });
    }
    return this.#piece;
  }

  /** The current frame: the innermost open one, because `post` runs after its attempt has ended. */
  current(): Frame | undefined {
    let frame = this.#context.getStore();
    while (frame !== undefined && !isOpen(frame)) frame = frame.parent;
    return frame === this.#root ? undefined : frame;
  }
}

const nameOf = (span: Span | undefined) => `${span?.runId} ${span?.id}`;

/** The open parts of a frame. */
export const openParts = (frame: Frame): Frame[] => frame.open.filter(isOpen);

/** The frames from the outermost to this one. */
function lineOf(frame: Frame): Frame[] {
  const line: Frame[] = [];
  for (let each: Frame | undefined = frame; each !== undefined; each = each.parent) line.unshift(each);
  return line;
}

/** A place in the tree; `beside` has the parts of its frame that were open then. */
export interface Place {
  readonly frame: Frame;
  readonly piece: number;
  readonly beside: readonly Frame[];
}

/** Whether two places have no order. */
export function areUnordered(a: Place, b: Place): boolean {
  const [lineA, lineB] = [lineOf(a.frame), lineOf(b.frame)];
  let at = 0;
  while (at < lineA.length && lineA[at] === lineB[at]) at++;
  const [partA, partB] = [lineA[at], lineB[at]];
  if (partA === undefined && partB === undefined) return false;
  // What a batch does between its items, such as onResult, has no order with the items in flight.
  if (partA === undefined) return a.beside.includes(partB as Frame);
  if (partB === undefined) return b.beside.includes(partA);
  if (!lineA[at - 1]?.isParallel) return false;
  return !startTogether(partA, partB) || !(isFirst(a, partA) || isFirst(b, partB));
}

/** Whether a place is in the part's first piece. */
const isFirst = ({ piece }: Place, part: Frame) => piece === part.piece;

/**
 * Branches begin together, so the first piece of one, such as its first `prep`, precedes the later pieces of the
 * others. Items may not begin together, since more of them may exist than run at once.
 */
const startTogether = (a: Frame, b: Frame) =>
  a.piece === b.piece && a.span?.kind === "step" && b.span?.kind === "step";
