// Writes an article from notes in three steps: outline, sections in parallel, style.
import { AsyncParallelBatchNode, type Context, chain, Flow, node } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";

interface Section {
  readonly heading: string;
  readonly text: string;
}

export interface Shared {
  readonly notes: string;
  headings?: string[];
  sections?: Section[];
  article?: string;
}

const OUTLINE = "Write an outline of a short article based on these notes: three to five headings.";
const SECTION =
  "Write one section of an article, at most 100 words, without its heading. Use only what the notes say. Leave to the " +
  "other sections what belongs there.";
const STYLE =
  "Rewrite this article in plain words and short sentences. Keep its facts. Keep each heading as it is, on a line that " +
  "begins with ##.";

const Outline = z.object({ headings: z.array(z.string().min(1)).min(1).max(5) });
const SectionText = z.object({ text: z.string().min(1) });

/** Sections are independent, so they are written in parallel. The results have the order of the outline. */
class WriteSections extends AsyncParallelBatchNode<Shared, Section & Pick<Shared, "headings">, Section> {
  readonly #model: Model;

  constructor(model: Model) {
    super({ ...model.calls, requires: ["headings"], concurrency: 4 });
    this.#model = model;
  }

  override prep({ headings = [], notes }: Shared) {
    return headings.map((heading) => ({ heading, headings, text: notes }));
  }

  override async exec({ heading, headings, text: notes }: Section & Pick<Shared, "headings">, ctx: Context) {
    const prompt = `${SECTION}\n\nHeadings: ${headings?.join(", ")}\nSection: ${heading}\n\nNotes:\n${notes}`;
    const { text } = await this.#model.json("section", SectionText, prompt, ctx);
    void ctx.emit(`section  ${heading}: ${text.split(/\s+/).length} words`);
    return { heading, text };
  }

  override post(shared: Shared, _tasks: unknown, sections: Section[]): void {
    shared.sections = sections;
  }
}

const markdownOf = (sections: readonly Section[]) =>
  sections.map(({ heading, text }) => `## ${heading}\n\n${text}`).join("\n\n");

export function createArticleFlow(model: Model): Flow<Shared> {
  const outline = node({
    name: "Outline",
    ...model.calls,
    prep: ({ notes }: Shared) => notes,
    exec: (notes, ctx) => model.json("outline", Outline, `${OUTLINE}\n\n${notes}`, ctx),
    post: (shared, _notes, { headings }, { emit }) => {
      shared.headings = headings;
      void emit(`outline  ${headings.join(", ")}`);
    },
  });

  const style = node({
    name: "Style",
    ...model.calls,
    requires: ["sections"],
    prep: ({ sections = [] }: Shared) => sections,
    exec: async (sections, ctx) => {
      const article = await model.chat(`${STYLE}\n\n${markdownOf(sections)}`, ctx);
      const lost = sections.filter(({ heading }) => !article.includes(`## ${heading}\n`));
      if (lost.length === 0) return article;
      throw new AnswerError(`These headings are missing: ${lost.map(({ heading }) => heading).join(", ")}`);
    },
    post: (shared, _sections, article) => {
      shared.article = article;
    },
  });

  return new Flow(chain(outline, new WriteSections(model), style), { name: "Article" });
}
