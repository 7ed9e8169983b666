// The three steps: read and split, translate every part into every language, write a file for each language.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import {
  AsyncParallelBatchNode,
  type Context,
  type ItemFailure,
  isFailure,
  Node,
  type ParallelBatchNodeOptions,
} from "sluice";
import { splitDocument } from "./document.js";
import { InputError } from "./input-error.js";
import type { Llm } from "./llm.js";

/** What the nodes share, one for each run. */
export interface Shared {
  readonly path: string;
  readonly languages: readonly string[];
  /** The folder to write to. */
  readonly folder: string;
  /** The document, in parts that one call can take. */
  parts?: readonly string[];
  /** The languages that are complete, and those that are not, with a reason. */
  translations: Map<string, string>;
  failures: Map<string, string>;
  /** Milliseconds in calls, one added to the other: what they would take in a row. */
  callTime: number;
  files: readonly string[];
}

/** Creates the store of a run. */
export function createShared(input: Pick<Shared, "path" | "languages" | "folder">): Shared {
  return { ...input, translations: new Map(), failures: new Map(), callTime: 0, files: [] };
}

/** Reads the document. */
export class ReadDocument extends Node<Shared, string, readonly string[]> {
  readonly #letters: number;

  constructor(letters: number) {
    super();
    this.#letters = letters;
  }

  override prep({ path }: Shared): string {
    return path;
  }

  override async exec(path: string, { signal }: Context): Promise<readonly string[]> {
    const text = await readFile(path, { encoding: "utf8", signal }).catch((error) => {
      throw new InputError(
        `Expected a document to translate, got "${path}": ${error.message}. Name a text file.`,
      );
    });
    if (text.trim() === "") throw new InputError(`Expected text in "${path}", got none. Name another file.`);
    return splitDocument(text, this.#letters);
  }

  override post(shared: Shared, _path: string, parts: readonly string[]): void {
    shared.parts = parts;
  }
}

/** One call to make. */
interface Task {
  readonly language: string;
  readonly text: string;
}

/** What one call brought. */
interface Answer {
  readonly text: string;
  readonly time: number;
}

/** Translates every part into every language. */
export class Translate extends AsyncParallelBatchNode<Shared, Task, Answer, "collect"> {
  readonly #llm: Llm;

  constructor(llm: Llm, options: ParallelBatchNodeOptions<Shared, "collect">) {
    super({ requires: ["parts"], ...options, onError: "collect" });
    this.#llm = llm;
  }

  /** A generator will do: a task is made when a call is free for it. */
  override *prep({ languages, parts = [] }: Shared): Generator<Task> {
    for (const language of languages) for (const text of parts) yield { language, text };
  }

  override async exec({ language, text }: Task, { signal }: Context): Promise<Answer> {
    const began = performance.now();
    const translation = await this.#llm.translate(text, language, signal);
    return { text: translation, time: performance.now() - began };
  }

  /** Results are in the order of the tasks, whichever came first: the parts of a language lie side by side. */
  override post(
    shared: Shared,
    _tasks: unknown,
    results: (Answer | ItemFailure<Task>)[],
  ): "translated" | "nothing translated" {
    const { languages, parts = [], translations, failures } = shared;
    for (const [at, language] of languages.entries()) {
      const own = results.slice(at * parts.length, (at + 1) * parts.length);
      const answers: Answer[] = [];
      for (const result of own) {
        if (isFailure(result)) failures.set(language, messageOf(result.error));
        else answers.push(result);
      }
      for (const { time } of answers) shared.callTime += time;
      if (answers.length === parts.length)
        translations.set(language, `${answers.map(({ text }) => text).join("\n\n")}\n`);
    }
    return translations.size > 0 ? "translated" : "nothing translated";
  }
}

/** A file to write. */
interface Writing {
  readonly path: string;
  readonly text: string;
}

/** Writes the languages that are complete: a file with a hole in it would pass for a translation. */
export class WriteFiles extends AsyncParallelBatchNode<Shared, Writing, string> {
  override async prep({ path, folder, translations }: Shared): Promise<Writing[]> {
    await mkdir(folder, { recursive: true });
    const extension = extname(path);
    const name = basename(path, extension);
    return [...translations].map(([language, text]) => ({
      path: join(folder, `${name}.${language.toLowerCase().replaceAll(" ", "-")}${extension}`),
      text,
    }));
  }

  override async exec({ path, text }: Writing, { signal }: Context): Promise<string> {
    await writeFile(path, text, { signal });
    return path;
  }

  override post(shared: Shared, _files: unknown, paths: string[]): void {
    shared.files = paths;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
