// Follows a file that grows: whole lines, in pieces, until it is stopped.
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { isGone, type Writer, writerIn } from "./writer.js";

export interface Piece {
  readonly lines: readonly string[];
  /** Distinguishes one file from the next of that name. */
  readonly version: string;
  /** Where the next piece begins, in bytes. */
  readonly offset: number;
  /** Whether it begins anew: what was read before is of another file. */
  readonly fresh: boolean;
  /** Whether the process that wrote the file had ended before its end was reached. */
  readonly gone?: boolean;
}

const MOST_AT_ONCE = 1 << 20;
const PAUSE = 200;

/** @param from - Where an earlier reading ended; it counts if it was of the same file. */
export async function* tail(
  path: string,
  from: { readonly version: string; readonly offset: number },
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  let { version, offset } = from;
  const buffer = Buffer.alloc(MOST_AT_ONCE);
  let gone: string | undefined; // the version whose writer was reported
  let fresh = false; // until it was reported: a file that has just been emptied has no piece to report it with
  while (!signal.aborted) {
    const handle = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined; // it will come
      throw error;
    });
    if (handle !== undefined) {
      try {
        const { ino, size } = await handle.stat();
        if (String(ino) !== version || size < offset) {
          fresh = true;
          version = String(ino);
          offset = 0;
        }
        const ended = gone !== version && isGone(await writerOf(handle)); // asked before the last lines are read
        for await (const piece of pieces(handle, offset, buffer)) {
          if (signal.aborted) return;
          offset = piece.offset;
          yield { ...piece, version, fresh };
          fresh = false;
        }
        if (ended) {
          gone = version;
          yield { lines: [], version, offset, fresh, gone: true };
        }
      } finally {
        await handle.close();
      }
    }
    await wait(PAUSE, undefined, { signal }).catch(() => {});
  }
}

const LONGEST_HEAD = 4_096;

async function writerOf(handle: FileHandle): Promise<Writer | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST_HEAD), 0, LONGEST_HEAD, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(10);
  return end === -1 ? undefined : writerIn(buffer.toString("utf8", 0, end));
}

/** Reads on to the last whole line. */
async function* pieces(handle: FileHandle, from: number, buffer: Buffer) {
  let offset = from;
  for (let skip = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10);
    if (end === -1) {
      if (bytesRead < buffer.length) return;
      offset += bytesRead; // a line longer than all that is read at once is none of ours
      skip = 1;
      continue;
    }
    offset += end + 1;
    const lines = buffer.toString("utf8", 0, end).split("\n").slice(skip);
    skip = 0;
    yield { lines: lines.filter((line) => line !== ""), offset };
  }
}
