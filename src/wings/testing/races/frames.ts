// Where in a run something happens: the tree of its spans, and which parts of it have no order.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Around, Span } from "sluice";

/** A run, a step, an item or an attempt that has begun. */
export interface Frame {
  readonly span: Span | undefined;
  readonly parent: Frame | undefined;
  /** Parts that had not ended when the last one began, and that one; written when a part begins. */
  open: Frame[];
  /** The piece in which it began. */
  readonly piece: number;
  /** Whether two parts were ever open at once; then no part comes before another. */
  isParallel: boolean;
}

const isOpen = ({ span }: Frame) => span?.ended === undefined;

/** The frames of all runs on one store. */
export class Frames {
  readonly #context = new AsyncLocalStorage<Frame>();
  readonly #root: Frame = { span: undefined, parent: undefined, open: [], piece: 0, isParallel: false };
  /** Those that have not ended, by run and id; written when one begins. */
  readonly #known = new Map<string, Frame>();

  /** Both written by `piece` alone. */
  #piece = 1;
  #isCounted = false;

  /** The hook that makes them. It adds no wait. */
  readonly around: Around = (span, next) => {
    const parent = this.#known.get(`${span.runId} ${span.parent}`) ?? this.#context.getStore() ?? this.#root;
    const frame: Frame = { span, parent, open: [], piece: this.piece(), isParallel: false };
    for (const each of parent.open) if (!isOpen(each)) this.#known.delete(nameOf(each.span));
    parent.open = [...openParts(parent), frame];
    if (parent.open.length > 1) parent.isParallel = true;
    this.#known.set(nameOf(span), frame);
    return this.#context.run(frame, next);
  };

  /** The number of what runs now without a wait. */
  piece(): number {
    if (!this.#isCounted) {
      this.#isCounted = true;
      // Before anything that comes after a wait, since microtasks run in order.
      queueMicrotask(() => {
        this.#isCounted = false;
        this.#piece++;
      });
    }
    return this.#piece;
  }

  /** The frame that what runs now is part of: the innermost that has not ended, for `post` follows an attempt's end. */
  current(): Frame | undefined {
    let frame = this.#context.getStore();
    while (frame !== undefined && !isOpen(frame)) frame = frame.parent;
    return frame === this.#root ? undefined : frame;
  }
}

const nameOf = (span: Span | undefined) => `${span?.runId} ${span?.id}`;

/** The parts of a frame that have not ended. */
export const openParts = (frame: Frame): Frame[] => frame.open.filter(isOpen);

/** From the outermost frame to this one. */
function lineOf(frame: Frame): Frame[] {
  const line: Frame[] = [];
  for (let each: Frame | undefined = frame; each !== undefined; each = each.parent) line.unshift(each);
  return line;
}

/** A place in the tree; `beside` are the parts of its frame that were open then. */
export interface Place {
  readonly frame: Frame;
  readonly piece: number;
  readonly beside: readonly Frame[];
}

/** Whether nothing says which of two comes first. */
export function areUnordered(a: Place, b: Place): boolean {
  const [lineA, lineB] = [lineOf(a.frame), lineOf(b.frame)];
  let at = 0;
  while (at < lineA.length && lineA[at] === lineB[at]) at++;
  const [partA, partB] = [lineA[at], lineB[at]];
  if (partA === undefined && partB === undefined) return false;
  // What a batch does between its items, such as onResult, has no order with the items that are under way.
  if (partA === undefined) return a.beside.includes(partB as Frame);
  if (partB === undefined) return b.beside.includes(partA);
  if (!lineA[at - 1]?.isParallel) return false;
  return !startTogether(partA, partB) || !(isFirst(a, partA) || isFirst(b, partB));
}

/** Whether it is in what a part did before its first wait. */
const isFirst = ({ piece }: Place, part: Frame) => piece === part.piece;

/**
 * Branches begin together, so what one does before its first wait, such as its first `prep`, comes before what others do
 * after theirs. Items do not, where there are more of them than may run at once.
 */
const startTogether = (a: Frame, b: Frame) =>
  a.piece === b.piece && a.span?.kind === "step" && b.span?.kind === "step";
