// The lines of a stream of bytes. What it keeps is one line, and that is bounded. Imports nothing.

/** A line without its end. */
export interface FileLine {
  /** The line, or the beginning of one that is too long. */
  readonly text: string;
  /** Whether its end was there; only the last line of a stream may lack it. */
  readonly isWhole: boolean;
  /** Whether it is longer than {@link MOST_MB}. */
  readonly isLong: boolean;
}

/** The longest line, in MB: many times what recordTrace writes. */
export const MOST_MB = 16;

const MOST = MOST_MB * 1_000_000;
const LINE_FEED = 10;
/** How much of a line that is too long is given. */
const BEGINNING = 100;

/** Cuts bytes into lines, in a time that grows with their number only, however long a line is. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  /** The pieces of the line that has begun. */
  let pieces: Buffer[] = [];
  let size = 0;
  const add = (piece: Buffer) => {
    size += piece.length;
    if (size <= MOST) pieces.push(piece);
    else pieces = [Buffer.from((pieces[0] ?? piece).subarray(0, BEGINNING))];
  };
  const end = (isWhole: boolean): FileLine => {
    const line = { text: Buffer.concat(pieces).toString(), isWhole, isLong: size > MOST };
    pieces = [];
    size = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      add(chunk.subarray(from, at));
      yield end(true);
      from = at + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (size > 0) yield end(false);
}
