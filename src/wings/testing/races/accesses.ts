// Reads and writes of a store, by the part of the run that made them.
import { type Frame, type Frames, openParts, type Place } from "./frames.js";

/** `"update"`: a read and a write with no wait in between, so that no other change can be lost. */
export type AccessKind = "read" | "write" | "update";

/** The first access of its kind to a path by a frame. */
export interface Access extends Place {
  readonly path: string;
  readonly kind: AccessKind;
  /** Whether it tested for a member: in the read, or before the update, as in `if (!set.has(x)) set.add(x)`. */
  readonly isCheck: boolean;
}

/** The set of members of an object: their keys and their number. */
export const MEMBERS = "*";

/** The maximum of frames kept for each path and place in the graph; more would find no further race. */
const KEPT = 16;

/** Collects accesses. A piece is what one frame does between two waits. */
export class Accesses {
  readonly #frames: Frames;
  readonly #log = new Map<string, Access[]>();
  /** The accesses of the current piece, by frame and path; written at each access, emptied by `flush`. */
  readonly #piece = new Map<Frame, Map<string, Access>>();
  #number = 0;
  /** Frames that copy the whole store in the current piece. */
  readonly #copying = new Set<Frame>();
  /** The number of accesses kept, by kind and place; written by `flush`. */
  readonly #counts = new Map<string, number>();
  readonly #seen = new WeakMap<Frame, Set<string>>();

  constructor(frames: Frames) {
    this.#frames = frames;
  }

  /** Records a read of a path. @param isCheck - Whether it only tested for existence. */
  read(path: string, isCheck = false): void {
    const frame = this.#frames.current();
    if (frame === undefined || this.#isCopied(frame, path)) return;
    const piece = this.#pieceOf(frame);
    const before = piece.get(path);
    if (before === undefined || (before.kind === "read" && before.isCheck && !isCheck))
      piece.set(path, this.#access(frame, path, "read", isCheck));
  }

  /** Records a write of a path. @param isUpdate - Whether its order does not matter, as when a member is added. */
  write(path: string, isUpdate = false): void {
    const frame = this.#frames.current();
    if (frame === undefined) return;
    const piece = this.#pieceOf(frame);
    const before = piece.get(path);
    const isKnown = before === undefined ? this.#isCopied(frame, path) : before.kind !== "write";
    const kind = isKnown || isUpdate ? "update" : "write";
    piece.set(path, this.#access(frame, path, kind, before?.isCheck ?? false));
    // A read that only leads to a change further down: `(shared.list ??= []).push(1)`.
    for (let at = path.lastIndexOf("."); at > 0; at = path.lastIndexOf(".", at - 1)) {
      const above = path.slice(0, at);
      if (piece.get(above)?.kind === "read") piece.delete(above);
    }
  }

  /** Records that the whole store is enumerated: the reads that follow copy it. */
  copy(): void {
    const frame = this.#frames.current();
    if (frame === undefined) return;
    this.#pieceOf(frame);
    this.#copying.add(frame);
  }

  /** The accesses to each path. */
  byPath(): ReadonlyMap<string, readonly Access[]> {
    this.#flush();
    return this.#log;
  }

  /** Whether a frame copies the whole store in the current piece. */
  #isCopied(frame: Frame, path: string): boolean {
    return this.#copying.has(frame) && this.#number === this.#frames.piece() && !path.includes(".");
  }

  #access(frame: Frame, path: string, kind: AccessKind, isCheck: boolean): Access {
    return { frame, path, kind, isCheck, piece: this.#frames.piece(), beside: openParts(frame) };
  }

  #pieceOf(frame: Frame): Map<string, Access> {
    if (this.#number !== this.#frames.piece()) this.#flush();
    this.#number = this.#frames.piece();
    let piece = this.#piece.get(frame);
    if (piece === undefined) this.#piece.set(frame, (piece = new Map()));
    return piece;
  }

  #flush(): void {
    for (const [frame, piece] of this.#piece) {
      const checked = new Set(
        [...piece.values()].filter(({ isCheck }) => isCheck).map(({ path }) => membersOf(path)),
      );
      for (const access of piece.values()) {
        const isCheck = access.isCheck || checked.has(access.path);
        this.#keep(frame, isCheck ? { ...access, isCheck } : access);
      }
    }
    this.#piece.clear();
    this.#copying.clear();
  }

  #keep(frame: Frame, access: Access): void {
    const { path, kind, isCheck, beside, piece } = access;
    const seen = this.#seen.get(frame) ?? new Set();
    this.#seen.set(frame, seen);
    const isFirst = piece === frame.piece;
    const sort = `${kind} ${path} ${isCheck} ${beside.length > 0} ${isFirst}`;
    if (seen.has(sort)) return;
    seen.add(sort);
    const place = `${sort} ${frame.span?.path.filter((part) => typeof part === "string").join(" ")}`;
    const count = this.#counts.get(place) ?? 0;
    if (count >= KEPT) return;
    this.#counts.set(place, count + 1);
    const log = this.#log.get(path);
    if (log === undefined) this.#log.set(path, [access]);
    else log.push(access);
  }
}

const membersOf = (path: string) => path.replace(/[^.]*$/, MEMBERS);
