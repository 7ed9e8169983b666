// Keeps every answer from the moment it comes: after a crash or a kill -9 only what was in flight is asked again.
import { createHash } from "node:crypto";
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  readFileSync,
  renameSync,
  truncateSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Document } from "./documents.js";
import { InputError } from "./input-error.js";

/** A summary and what it took to get it. */
export interface Answer {
  readonly summary: string;
  readonly tokens: number;
  readonly attempts: number;
}

/** A file with one line of JSON for each answer, which is only ever appended to. */
export class Journal {
  /** How many lines could not be read; what they held will be asked for again. */
  readonly damaged: number;
  readonly #path: string;
  readonly #llm: string;
  readonly #answers = new Map<string, Answer>();

  /**
   * @param llm What an answer depends on besides the document.
   * @param fresh Puts the answers of earlier runs aside, into a file that ends in `.old`.
   * @throws InputError if the file is something else, or its folder cannot be written to.
   */
  constructor(path: string, llm: string, fresh = false) {
    this.#path = path;
    this.#llm = llm;
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch (error) {
      throw new InputError(
        `Expected a folder to write to, got "${(error as Error).message}". Start in another one, or name one with --out.`,
      );
    }
    if (fresh && existsSync(path)) renameSync(path, `${path}.old`);
    this.damaged = existsSync(path) ? this.#load(readFileSync(path, "utf8")) : 0;
  }

  /** Finds the answer to this very document: a changed one is another. */
  get(document: Document): Answer | undefined {
    return this.#answers.get(this.#keyOf(document));
  }

  /** Appends an answer. When this returns the system has it, whatever becomes of the process. */
  add(document: Document, { summary, tokens, attempts }: Answer): void {
    const line = { key: this.#keyOf(document), file: document.file, summary, tokens, attempts };
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }

  #load(content: string): number {
    // A process that was killed and a full disk leave half a line at the end.
    const whole = content.slice(0, content.lastIndexOf("\n") + 1);
    const lines = whole.split("\n").slice(0, -1).map(parse);
    for (const line of lines) if (line) this.#answers.set(...line);
    if (content !== "" && this.#answers.size === 0 && !content.startsWith('{"key":"')) {
      throw new InputError(
        `Expected ${this.#path} to be the journal of this program, got another file. Move it away, or choose another name with --out.`,
      );
    }
    if (whole !== content) truncateSync(this.#path, Buffer.byteLength(whole));
    return lines.filter((line) => line === undefined).length + (whole === content ? 0 : 1);
  }

  #keyOf({ file, text }: Document): string {
    return createHash("sha256")
      .update(JSON.stringify([this.#llm, file, text]))
      .digest("hex");
  }
}

function parse(line: string): [key: string, answer: Answer] | undefined {
  try {
    const { key, summary, tokens, attempts } = JSON.parse(line);
    const whole = typeof key === "string" && typeof summary === "string" && tokens >= 0 && attempts >= 1;
    return whole ? [key, { summary, tokens, attempts }] : undefined;
  } catch {
    return undefined;
  }
}
