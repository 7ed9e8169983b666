// The steps: clean and condense the e-mail, propose subject lines, rank them.
import { type Context, Node } from "sluice";
import { remote } from "sluice/serve";
import { z } from "zod";
import { keywordsOf, wordsOf } from "./keywords.js";
import type { Llm } from "./llm.js";

/** A subject line, and who proposed it. */
export interface Proposal {
  readonly by: string;
  readonly subject: string;
}

/** The store of one run. */
export interface Shared {
  readonly email: string;
  text?: string;
  points?: string;
  readonly proposals: Proposal[];
  readonly failures: string[];
  best?: Proposal & { readonly score: number };
  /** When each step began, and then how long it took, in ms. */
  readonly times: Map<string, number>;
}

/** Creates the store of a run; one that starts in the middle is given what earlier steps would have made. */
export const createShared = (email: string, made: { text?: string; points?: string } = {}): Shared => ({
  email,
  ...made,
  proposals: [],
  failures: [],
  times: new Map(),
});

const begin = ({ times }: Shared, step: string) => void times.set(step, performance.now());
const end = ({ times }: Shared, step: string) =>
  void times.set(step, performance.now() - (times.get(step) ?? 0));

/** Takes off what nobody needs: greeting, quoted replies, signature. */
export class Clean extends Node<Shared, string, string> {
  override prep(shared: Shared): string {
    begin(shared, this.name);
    return shared.email;
  }

  override exec(email: string): string {
    const [body = ""] = email.split(/^(?:-- |(?:kind|best) regards,?)$/im);
    const lines = body.split("\n").filter((line) => !/^(>|(hello|hi|dear)\b)/i.test(line));
    return lines.join(" ").replaceAll(/\s+/g, " ").trim();
  }

  override post(shared: Shared, _email: string, text: string): void {
    shared.text = text;
    end(shared, this.name);
  }
}

/** Has a model name the points of the text. */
export class Condense extends Node<Shared, string, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ requires: ["text"], attempts: 2, timeout: 30_000 });
    this.#llm = llm;
  }

  override prep(shared: Shared): string {
    begin(shared, this.name);
    return shared.text ?? "";
  }

  override exec(text: string, { signal }: Context): Promise<string> {
    return this.#llm.ask("condense", text, signal);
  }

  override post(shared: Shared, _text: string, points: string): void {
    shared.points = points;
    end(shared, this.name);
  }
}

/** Has a model propose a subject line in its own manner. */
export class Writer extends Node<Shared, string, string> {
  readonly #llm: Llm;
  readonly #manner: "formal" | "friendly";

  constructor(name: string, manner: "formal" | "friendly", llm: Llm) {
    super({ name, requires: ["text", "points"], timeout: 30_000 });
    this.#llm = llm;
    this.#manner = manner;
  }

  override prep(shared: Shared): string {
    begin(shared, this.name);
    return `${shared.text}\n\nPoints: ${shared.points}`;
  }

  override exec(prompt: string, { signal }: Context): Promise<string> {
    return this.#llm.ask(this.#manner, prompt, signal);
  }

  override post(shared: Shared, _prompt: string, subject: string): void {
    shared.proposals.push({ by: this.name, subject });
    end(shared, this.name);
  }
}

/** What the service in the other process answers. */
const answer = z.object({ subject: z.string().min(1) });

/** Asks the service in the other process, as a node like the others. */
export const createExtractor = (name: string, url: string) =>
  remote(url, {
    name,
    requires: ["text"],
    attempts: 2,
    backoff: 200,
    timeout: 30_000,
    result: answer,
    prep: (shared: Shared) => {
      begin(shared, name);
      return { text: shared.text };
    },
    post: (shared, _input, { subject }) => {
      shared.proposals.push({ by: name, subject });
      end(shared, name);
    },
  });

/** What is ranked, and by which text. */
interface Ranking {
  readonly text: string;
  readonly proposals: readonly Proposal[];
}

/** Picks the subject line that says most of the text in the fewest words. */
export class Rank extends Node<Shared, Ranking, Shared["best"]> {
  override prep(shared: Shared): Ranking {
    begin(shared, this.name);
    return { text: shared.text ?? "", proposals: [...shared.proposals] };
  }

  override exec({ text, proposals }: Ranking): Shared["best"] {
    const keywords = keywordsOf(text, 8);
    const ranked = proposals.map(({ by, subject }) => {
      const words = new Set(wordsOf(subject));
      const told = keywords.filter((word) => words.has(word)).length;
      const score = told / keywords.length - Math.max(0, subject.length - 60) / 60;
      return { by, subject, score: Math.round(score * 100) / 100 };
    });
    const [best] = ranked.sort((a, b) => b.score - a.score || a.by.localeCompare(b.by));
    if (best === undefined) throw new Error("None of the models proposed anything");
    return best;
  }

  override post(shared: Shared, _input: unknown, best: Shared["best"]): void {
    if (best !== undefined) shared.best = best;
    end(shared, this.name);
  }
}
