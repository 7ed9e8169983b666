// The steps: read a PDF, have its fields extracted, do the sums; and around them what happens to all of them.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  AsyncParallelBatchFlow,
  type BaseNode,
  type Context,
  type Gate,
  type ItemFailure,
  isFailure,
  Node,
} from "sluice";
import { type Invoice, problemsOf } from "./invoice.js";
import { isEverybodys, isWorthARetry, type Llm } from "./llm.js";
import { readPdf } from "./pdf.js";

/** An invoice that adds up. */
export interface Accepted {
  readonly file: string;
  readonly invoice: Invoice;
}

/** What a person should look at, and why. */
export interface Doubtful {
  readonly file: string;
  readonly problems: readonly string[];
}

/** The store: of a run, and, forked from it, of each PDF. */
export interface Shared {
  readonly folder: string;
  accepted: Accepted[];
  forAPerson: Doubtful[];
  /** Only in a fork: the PDF in hand, what it says, and what was wrong when it was read before. */
  file?: string;
  text?: string;
  invoice?: Invoice;
  problems?: readonly string[];
}

/** Creates the store of a run. */
export const createShared = (folder: string): Shared => ({ folder, accepted: [], forAPerson: [] });

/** Reads the text of a PDF. */
export class ReadPdf extends Node<Shared, string, string> {
  constructor() {
    super({ requires: ["file"] });
  }

  override prep({ folder, file = "" }: Shared): string {
    return join(folder, file);
  }

  override exec(path: string, { signal }: Context): Promise<string> {
    return readPdf(path, signal);
  }

  override post(shared: Shared, _path: string, text: string): void {
    shared.text = text;
  }
}

/** What the model is given. */
type Reading = Required<Pick<Shared, "text" | "problems">>;

/** Has a model extract the fields. All PDFs go through one gate here. */
export class Extract extends Node<Shared, Reading, Invoice> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({
      requires: ["text"],
      gate,
      attempts: 3,
      backoff: { delay: 500 },
      retryIf: isWorthARetry,
      timeout: 60_000,
    });
    this.#llm = llm;
  }

  override prep({ text = "", problems = [] }: Shared): Reading {
    return { text, problems };
  }

  override exec({ text, problems }: Reading, { signal }: Context): Promise<Invoice> {
    return this.#llm.extract(text, problems, signal);
  }

  override post(shared: Shared, _reading: Reading, invoice: Invoice): void {
    shared.invoice = invoice;
  }
}

/** Does the sums. What does not add up is read once more, and then left to a person. */
export class Validate extends Node<Shared, Invoice, readonly string[]> {
  constructor() {
    super({ requires: ["invoice"] });
  }

  override prep({ invoice }: Shared): Invoice {
    return invoice as Invoice;
  }

  override exec(invoice: Invoice): readonly string[] {
    return problemsOf(invoice);
  }

  override post(
    shared: Shared,
    invoice: Invoice,
    problems: readonly string[],
  ): "adds up" | "read it again" | "for a person" {
    const { file = "", problems: before } = shared;
    if (problems.length === 0) {
      shared.accepted.push({ file, invoice });
      return "adds up";
    }
    shared.problems = problems;
    if (before === undefined) return "read it again";
    shared.forAPerson.push({ file, problems });
    return "for a person";
  }
}

/** Sends every PDF of a folder through the steps, each with a store of its own. */
export class EachPdf extends AsyncParallelBatchFlow<Shared, { readonly file: string }, "collect"> {
  constructor(start: BaseNode<Shared>, concurrency: number) {
    super(start, { concurrency, onError: "collect" });
  }

  override async prep({ folder }: Shared): Promise<{ file: string }[]> {
    const files = await readdir(folder);
    return files.filter((file) => /\.pdf$/i.test(file)).map((file) => ({ file }));
  }

  override fork({ folder }: Shared, { file }: { readonly file: string }): Shared {
    return { ...createShared(folder), file };
  }

  override join(shared: Shared, _params: unknown, { accepted, forAPerson }: Shared): void {
    shared.accepted.push(...accepted);
    shared.forAPerson.push(...forAPerson);
  }

  /** What could not even be read is for a person too; that a key is wrong is not. */
  override post(
    shared: Shared,
    _params: unknown,
    ends: (string | ItemFailure<{ readonly file: string }>)[],
  ): void {
    for (const end of ends) {
      if (!isFailure(end)) continue;
      const { item, error } = end;
      if (isEverybodys(error)) throw error;
      shared.forAPerson.push({ file: item.file, problems: [(error as Error).message] });
    }
  }
}

/** Takes out what was sent twice, and puts all into the order of their files. */
export class FindDoubles extends Node<Shared, readonly Accepted[], Map<string, Accepted[]>> {
  override prep({ accepted }: Shared): readonly Accepted[] {
    return [...accepted].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  override exec(accepted: readonly Accepted[]): Map<string, Accepted[]> {
    const byNumber = new Map<string, Accepted[]>();
    for (const each of accepted) {
      const number = `${each.invoice.seller} ${each.invoice.number}`;
      byNumber.set(number, [...(byNumber.get(number) ?? []), each]);
    }
    return byNumber;
  }

  override post(shared: Shared, _accepted: unknown, byNumber: Map<string, Accepted[]>): void {
    shared.accepted = [];
    for (const [number, [first, ...again]] of byNumber) {
      if (first) shared.accepted.push(first);
      for (const { file } of again) {
        shared.forAPerson.push({ file, problems: [`${number} is ${first?.file} already`] });
      }
    }
    shared.forAPerson.sort((a, b) => (a.file < b.file ? -1 : 1));
  }
}
