// Writes lines to a file in order, with backpressure.
import { closeSync, fchmodSync, fstatSync, openSync, type write, writeSync } from "node:fs";
import { SluiceError } from "sluice";
import { quote, Room } from "sluice/internal";
import { callAtExit } from "../shared/at-exit.js";

/** The maximum of characters that wait for the disk before the run waits. */
const MOST_WAITING = 1_000_000;

export class FileWriter {
  readonly #path: string;
  readonly #file: number;
  /** Whether to write by position, as to a regular file, so that repeating a write does no harm. */
  readonly #positioned: boolean;
  readonly #write: typeof write;
  #waiting: string[] = [];
  #size = 0;
  #writing: Buffer | undefined;
  #position = 0;
  #error: unknown;
  #closed: Promise<void> | undefined;
  readonly #room = new Room();
  #drained: (() => void) | undefined;
  readonly #forget: () => void;

  /**
   * Opens the file and empties it.
   *
   * @param isPrivate - Whether only its owner may read it.
   * @throws SluiceError `TRACE_FAILED` if it cannot.
   */
  constructor(path: string, writeTo: typeof write, isPrivate = false) {
    this.#path = path;
    this.#write = writeTo;
    try {
      this.#file = openSync(path, "w", isPrivate ? 0o600 : 0o666);
      // Otherwise an existing file keeps its mode.
      if (isPrivate && fstatSync(this.#file).isFile()) fchmodSync(this.#file, 0o600);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const advice = code === "ENOENT" ? "make its folder first" : "give a path that may be written";
      const expected = `recordTrace(): expected a file that can be written, got ${quote(path)} (${message})`;
      throw new SluiceError("TRACE_FAILED", `${expected}; ${advice}`, { cause: error });
    }
    this.#positioned = fstatSync(this.#file).isFile();
    this.#forget = callAtExit(() => this.#atExit());
  }

  /** Adds a line; drops it if the file is closed or has failed. */
  write(line: string): void {
    if (this.#closed !== undefined || this.#error !== undefined) return;
    this.#waiting.push(line);
    this.#size += line.length;
    if (this.#writing === undefined) this.#next();
  }

  /** A promise of room while too much waits for the disk. */
  room(): Promise<void> | undefined {
    return this.#size < MOST_WAITING ? undefined : this.#room.wait();
  }

  /** Writes the waiting lines and closes the file. @throws SluiceError `TRACE_FAILED` if a line was not written. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#writing !== undefined) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#forget();
    try {
      closeSync(this.#file);
    } catch (error) {
      this.#error ??= error;
    }
    if (this.#error === undefined) return;
    const reason = (this.#error as Error).message;
    const expected = `expected to write ${quote(this.#path)} to its end, got an error (${reason})`;
    const advice = "what is in the file up to there can be read";
    throw new SluiceError("TRACE_FAILED", `trace.close(): ${expected}; ${advice}`, { cause: this.#error });
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#drained?.();
      return;
    }
    this.#writing = Buffer.from(this.#waiting.join(""));
    const letters = this.#size;
    this.#waiting = [];
    this.#piece(() => {
      this.#writing = undefined;
      this.#size -= letters;
      if (this.#size < MOST_WAITING) this.#room.open();
      this.#next();
    });
  }

  /** Writes the current text, in as many writes as the system needs. */
  #piece(then: () => void): void {
    const buffer = this.#writing as Buffer;
    const position = this.#positioned ? this.#position : null;
    this.#write(this.#file, buffer, 0, buffer.length, position, (error, written) => {
      if (error !== null) return this.#break(error);
      this.#position += written;
      if (written === buffer.length) return then();
      this.#writing = buffer.subarray(written);
      this.#piece(then);
    });
  }

  /** Stops writing after an error, because lines after a gap would mislead, and releases all waits. */
  #break(error: unknown): void {
    this.#error = error;
    this.#waiting = [];
    this.#writing = undefined;
    this.#size = 0;
    this.#room.open();
    this.#drained?.();
  }

  /** Writes the waiting lines when a program ends without `close()`. */
  #atExit(): void {
    if (this.#error !== undefined) return;
    const rest = Buffer.from(this.#waiting.join(""));
    const begun = this.#positioned ? (this.#writing ?? Buffer.alloc(0)) : Buffer.alloc(0);
    try {
      writeSync(this.#file, Buffer.concat([begun, rest]), 0, null, this.#positioned ? this.#position : null);
    } catch {
      // No caller is left to receive the error.
    }
  }
}
