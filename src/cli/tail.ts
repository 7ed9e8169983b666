// Follows a growing file: yields whole lines in pieces, until it is stopped.
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { isGone, type Writer, writerIn } from "./writer.js";

export interface Piece {
  readonly lines: readonly string[];
  /** Distinguishes a file from a later one of the same name. */
  readonly version: string;
  /** The offset of the next piece, in bytes. */
  readonly offset: number;
  /** Whether it starts over, because earlier pieces belong to another file. */
  readonly fresh: boolean;
  /** Whether the process that wrote the file had ended before the end was read. */
  readonly gone?: boolean;
}

/** The size of a buffer for {@link Reader.read}. */
export const MOST_AT_ONCE = 1 << 20;
const PAUSE = 200;

/** The position of an earlier reader; valid only for the same file. */
export interface Place {
  readonly version: string;
  readonly offset: number;
}

/** Reads a file incrementally. */
export class Reader {
  readonly #path: string;
  #version: string;
  #offset: number;
  /** The version whose writer was reported. */
  #gone: string | undefined;
  /** Whether a restart is still to be reported, because an emptied file has no piece to report it with. */
  #fresh = false;

  constructor(path: string, { version, offset }: Place = { version: "", offset: 0 }) {
    this.#path = path;
    this.#version = version;
    this.#offset = offset;
  }

  /** Yields the new data up to the last whole line; nothing while the file does not exist. */
  async *read(buffer: Buffer, signal: AbortSignal): AsyncGenerator<Piece> {
    const handle = await open(this.#path, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined; // the rest will come
      throw error;
    });
    if (handle === undefined) return;
    try {
      const { ino, size } = await handle.stat();
      if (String(ino) !== this.#version || size < this.#offset) {
        this.#fresh = true;
        this.#version = String(ino);
        this.#offset = 0;
      }
      const version = this.#version;
      const ended = this.#gone !== version && isGone(await writerOf(handle)); // checked before the last lines are read
      for await (const piece of pieces(handle, this.#offset, buffer)) {
        if (signal.aborted) return;
        this.#offset = piece.offset;
        yield { ...piece, version, fresh: this.#fresh };
        this.#fresh = false;
      }
      if (!ended) return;
      this.#gone = version;
      yield { lines: [], version, offset: this.#offset, fresh: this.#fresh, gone: true };
    } finally {
      await handle.close();
    }
  }
}

export async function* tail(path: string, from: Place, signal: AbortSignal): AsyncGenerator<Piece> {
  const reader = new Reader(path, from);
  const buffer = Buffer.alloc(MOST_AT_ONCE);
  while (!signal.aborted) {
    yield* reader.read(buffer, signal);
    await wait(PAUSE, undefined, { signal }).catch(() => {});
  }
}

const LONGEST_HEAD = 4_096;

async function writerOf(handle: FileHandle): Promise<Writer | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST_HEAD), 0, LONGEST_HEAD, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(10);
  return end === -1 ? undefined : writerIn(buffer.toString("utf8", 0, end));
}

/** Reads up to the last whole line. */
async function* pieces(handle: FileHandle, from: number, buffer: Buffer) {
  let offset = from;
  for (let skip = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10);
    if (end === -1) {
      if (bytesRead < buffer.length) return;
      offset += bytesRead; // recordTrace writes no line longer than the buffer
      skip = 1;
      continue;
    }
    offset += end + 1;
    const lines = buffer.toString("utf8", 0, end).split("\n").slice(skip);
    skip = 0;
    yield { lines: lines.filter((line) => line !== ""), offset };
  }
}
