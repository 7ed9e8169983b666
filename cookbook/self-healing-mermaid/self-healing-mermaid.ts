// Output that a program can check: the real parser reads each diagram, and the model gets its error until it is valid.
import { AsyncParallelBatchFlow, type BaseNode, Flow, type ItemFailure, isFailure, node } from "sluice";
import { z } from "zod";
import { DeniedError, type Model } from "../lib/model.js";

/** A part of a document below a heading. */
export interface Section {
  readonly heading: string;
  readonly text: string;
  /** The diagram, once it is valid. */
  valid?: string;
  /** The reason why there is none. */
  error?: string;
}

export interface Shared {
  readonly sections: readonly Section[];
  /** In the store of one section: the newest diagram, and the rejected ones in order. */
  section?: Section;
  diagram?: string;
  readonly refused: { readonly diagram: string; readonly error: string }[];
}

/** Rejects with an error that names the line and what was expected. */
export type Parse = (diagram: string) => Promise<unknown>;

const Drawing = z.object({ mermaid: z.string().describe("The source of a flowchart, without a fence.") });
const DRAW =
  "Draw the process that this text describes as a Mermaid flowchart, a node for each step. Use only what the text says. The " +
  "diagrams under `refused` do not parse: write the whole diagram again without the errors that the parser reports.";

/** Runs the graph for each section, with its own store. */
class DrawSections extends AsyncParallelBatchFlow<Shared, { readonly at: number }, "collect"> {
  constructor(start: BaseNode<Shared>) {
    super(start, { concurrency: 8, onError: "collect" });
  }

  override prep({ sections }: Shared) {
    return sections.map((_, at) => ({ at }));
  }

  override fork({ sections }: Shared, { at }: { readonly at: number }): Shared {
    return { sections, section: sections[at] as Section, refused: [] };
  }

  override post({ sections }: Shared, _: unknown, ends: (string | ItemFailure<{ readonly at: number }>)[]) {
    for (const end of ends) {
      if (!isFailure(end)) continue;
      if (end.error instanceof DeniedError) throw end.error; // a wrong key fails all sections
      Object.assign(sections[end.item.at] as Section, { error: (end.error as Error).message });
    }
  }
}

/** @param tries - The largest number of diagrams for one section. */
export function createMermaidFlow(model: Model, parse: Parse, tries = 5): Flow<Shared> {
  const draw = node({
    name: "Draw",
    ...model.calls,
    prep: ({ section, refused }: Shared) => `${DRAW}\n\n${JSON.stringify({ text: section?.text, refused })}`,
    exec: async (prompt, ctx) => (await model.json("drawing", Drawing, prompt, ctx)).mermaid,
    post: (shared, _prompt, diagram) => {
      shared.diagram = diagram;
    },
  });

  const check = node({
    name: "Check",
    requires: ["diagram", "section"],
    prep: ({ diagram = "" }: Shared) => diagram,
    exec: async (diagram): Promise<string | undefined> => {
      await parse(diagram);
      return undefined;
    },
    // The parser's error is the result of the check, not a failure of it.
    execFallback: (_diagram, error) => (error as Error).message,
    post: ({ section, refused }, diagram, error, { emit }) => {
      if (error === undefined) {
        (section as Section).valid = diagram;
        return "valid";
      }
      refused.push({ diagram, error });
      void emit(`${section?.heading}: refused. ${error}`);
      if (refused.length < tries) return "broken";
      (section as Section).error = `${tries} diagrams do not parse`;
      return "given up";
    },
  });

  draw.next(check).branch({ broken: draw, valid: null, "given up": null });
  return new Flow(new DrawSections(draw), { name: "Document" });
}

/** Splits Markdown at its headings. A heading without text is joined to the next one. */
export function sectionsOf(markdown: string): Section[] {
  const sections: Section[] = [];
  let heading = "";
  for (const part of markdown.split(/^(?=#+ )/m)) {
    const [, title = "", text = ""] = /^(#+ .+)?([\s\S]*)$/.exec(part) ?? [];
    heading = [heading, title].filter(Boolean).join("\n\n");
    if (text.trim() === "") continue;
    sections.push({ heading, text: text.trim() });
    heading = "";
  }
  return sections;
}
