// Splits a stream of bytes into lines, in bounded memory. Imports nothing.

/** A line without its end. */
export interface FileLine {
  /** The line, or the beginning of a line that is too long. */
  readonly text: string;
  /** Whether it has a line end, which only the last line may lack. */
  readonly isWhole: boolean;
  /** Whether it is longer than {@link MOST_MB}. */
  readonly isLong: boolean;
}

/** The longest line, in MB: many times the lines of recordTrace. */
export const MOST_MB = 16;

const MOST = MOST_MB * 1_000_000;
const LINE_FEED = 10;
/** The bytes kept of a line that is too long. */
const BEGINNING = 100;

/** Splits bytes into lines, in linear time even for long lines. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  /** The pieces of the current line. */
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
