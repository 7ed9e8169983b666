// The steps: draw and check, which go round for one section, and a batch that sends every section round.
import { AsyncParallelBatchNode, type Context, type Flow, type ItemFailure, Node } from "sluice";
import { type FailedTry, isWorthARetry, type Llm } from "./llm.js";
import type { Parse } from "./parser.js";

/** A part of a document under a heading of its own. */
export interface Section {
  readonly heading: string;
  readonly text: string;
}

/** The store of one drawing. */
export interface Drawing extends Section {
  /** The newest diagram, good or not. */
  diagram?: string;
  /** What the parser refused, in order. */
  readonly failed: FailedTry[];
  valid: boolean;
}

/** The store of a whole run. */
export interface Shared {
  readonly sections: readonly Section[];
  drawings?: readonly (Drawing | ItemFailure<Section>)[];
}

/** Creates the store of a drawing. */
export const createDrawing = (section: Section): Drawing => ({ ...section, failed: [], valid: false });

/** What the model is told. */
type Task = Pick<Drawing, "text" | "failed">;

/** Has the model draw a text, or mend the diagrams that failed. */
export class Draw extends Node<Drawing, Task, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: { delay: 500 }, retryIf: isWorthARetry, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ text, failed }: Drawing): Task {
    return { text, failed: [...failed] };
  }

  override exec({ text, failed }: Task, { signal }: Context): Promise<string> {
    return this.#llm.draw(text, failed, signal);
  }

  override post(drawing: Drawing, _task: Task, diagram: string): void {
    drawing.diagram = diagram;
  }
}

/** Has the parser check the diagram. */
export class Check extends Node<Drawing, string, string | undefined> {
  readonly #parse: Parse;
  readonly #tries: number;

  /** @param tries The most diagrams for one text. */
  constructor(parse: Parse, tries: number) {
    super({ requires: ["diagram"] });
    this.#parse = parse;
    this.#tries = tries;
  }

  override prep({ diagram = "" }: Drawing): string {
    return diagram;
  }

  override async exec(diagram: string): Promise<undefined> {
    await this.#parse(diagram);
  }

  /** The parser's error is no failure of this node: it is what there is to know about the diagram. */
  override execFallback(_diagram: string, error: unknown): string {
    return (error as Error).message;
  }

  override post(
    drawing: Drawing,
    diagram: string,
    error: string | undefined,
  ): "valid" | "broken" | "given up" {
    if (error === undefined) {
      drawing.valid = true;
      return "valid";
    }
    drawing.failed.push({ diagram, error });
    return drawing.failed.length < this.#tries ? "broken" : "given up";
  }
}

/** Sends every section through the flow of one drawing, each with a store of its own. */
export class DrawSections extends AsyncParallelBatchNode<Shared, Section, Drawing, "collect"> {
  readonly #drawing: Flow<Drawing>;

  constructor(drawing: Flow<Drawing>, concurrency: number) {
    super({ concurrency, onError: "collect" });
    this.#drawing = drawing;
  }

  override prep({ sections }: Shared): readonly Section[] {
    return sections;
  }

  override async exec(section: Section, ctx: Context): Promise<Drawing> {
    const drawing = createDrawing(section);
    await this.#drawing.run(drawing, { ctx });
    return drawing;
  }

  override post(shared: Shared, _sections: unknown, drawings: (Drawing | ItemFailure<Section>)[]): void {
    shared.drawings = drawings;
  }
}
