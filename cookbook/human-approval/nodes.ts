// The three steps: draft, wait for a person, publish.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, Node, type NodeOptions } from "sluice";
import { type Decision, decision, type Paper } from "./desk.js";
import type { Llm, Rejected } from "./llm.js";

/** What the nodes share: one for each topic, and each topic is a run of its own. */
export interface Shared {
  readonly id: number;
  readonly topic: string;
  readonly rejected: Rejected[];
  text?: string;
  /** The file it was published as. */
  path?: string;
}

/** What is sent on the way: what has changed about the paper. */
export type Change = Partial<Pick<Paper, "state" | "text" | "round" | "rejected" | "note">>;

/** Writes a draft, in view of those that were rejected. */
export class Draft extends Node<Shared, Shared, string> {
  readonly #llm: Llm;

  constructor(llm: Llm, options: NodeOptions<Shared>) {
    super(options);
    this.#llm = llm;
  }

  override async prep(shared: Shared, { emit }: Context): Promise<Shared> {
    const { rejected } = shared;
    await emit({ state: "writing", round: rejected.length + 1, rejected: [...rejected] } satisfies Change);
    return { ...shared, rejected: [...rejected] };
  }

  override exec({ topic, rejected }: Shared, { signal }: Context): Promise<string> {
    return this.#llm.draft(topic, rejected, signal);
  }

  override post(shared: Shared, _before: Shared, text: string): void {
    shared.text = text;
  }
}

/** What a person is asked, and needs to know to decide. */
export type Question = Pick<Paper, "text" | "round" | "rejected">;

/**
 * Asks a person. There is no timeout: a night or a weekend is no error. The run is set aside, and its process may end;
 * when the answer is there, `exec` runs again from its top and has it.
 */
export class Review extends Node<Shared, Question, Decision> {
  constructor() {
    super({ requires: ["text"] });
  }

  override prep({ text = "", rejected }: Shared): Question {
    return { text, round: rejected.length + 1, rejected: [...rejected] };
  }

  override exec(question: Question, { ask }: Context): Promise<Decision> {
    return ask(question, { schema: decision });
  }

  override post(shared: Shared, _draft: unknown, decision: Decision): "approved" | "rejected" | "edited" {
    if (decision.verdict === "approve") return "approved";
    if (decision.verdict === "reject") {
      shared.rejected.push({ text: shared.text ?? "", feedback: decision.feedback });
      return "rejected";
    }
    shared.text = decision.text;
    return "edited";
  }
}

/** Writes the file. Nothing comes here that no person has agreed to. */
export class Publish extends Node<Shared, { path: string; text: string }, void> {
  readonly #folder: string;

  constructor(folder: string) {
    super({ requires: ["text"] });
    this.#folder = folder;
  }

  override prep({ id, topic, text = "" }: Shared) {
    const name = topic
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 40);
    return { path: join(this.#folder, `${id}-${name}.md`), text };
  }

  override async exec({ path, text }: { path: string; text: string }): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(path, `${text}\n`);
  }

  override async post(
    shared: Shared,
    { path, text }: { path: string; text: string },
    _nothing: unknown,
    { emit }: Context,
  ) {
    shared.path = path;
    await emit({ state: "published", text, note: path } satisfies Change);
  }
}
