// Fetch, rank, summarise, write: what the newsletter goes through.
import { AsyncParallelBatchNode, type Context, type Gate, type ItemFailure, isFailure, Node } from "sluice";
import { type Item, itemsOf } from "./feed.js";
import type { Llm } from "./llm.js";
import { htmlMail, type Mail, type Story, textMail } from "./mail.js";

/** The store of one issue. */
export interface Shared {
  readonly feeds: readonly string[];
  readonly wish: Wish;
  /** When the issue is made, in milliseconds since 1970. */
  readonly now: number;
  items: Item[];
  /** Feeds that were not to be had, and why. */
  dead: string[];
  picked: Item[];
  stories: Story[];
  mail?: Mail;
}

/** What readers want. */
export interface Wish {
  /** Words that make news more interesting. */
  readonly about: readonly string[];
  /** How old news may be. */
  readonly days: number;
  /** The most stories of an issue. */
  readonly most: number;
}

/** Creates the store of an issue. */
export const createShared = (feeds: readonly string[], wish: Wish, now: number): Shared => ({
  feeds,
  wish,
  now,
  items: [],
  dead: [],
  picked: [],
  stories: [],
});

const DAY = 86_400_000;

/** Fetches all feeds at once; one that is dead costs its own place, after two attempts. */
export class Fetch extends AsyncParallelBatchNode<Shared, string, Item[], "collect"> {
  constructor() {
    super({ concurrency: 8, attempts: 2, backoff: 100, timeout: 10_000, onError: "collect" });
  }

  override prep({ feeds }: Shared): readonly string[] {
    return feeds;
  }

  override async exec(url: string, { signal }: Context): Promise<Item[]> {
    const response = await fetch(url, { signal });
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return itemsOf(body, url);
  }

  override post(shared: Shared, _: unknown, results: (Item[] | ItemFailure<string>)[]) {
    shared.items = results.flatMap((result) => (isFailure(result) ? [] : result));
    shared.dead = results.flatMap((result) =>
      isFailure(result) ? `${result.item}: ${reason(result.error)}` : [],
    );
    return shared.items.length > 0 ? "news" : "no news";
  }
}

/** What went wrong, with what `fetch` hides behind "fetch failed". */
const reason = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
};

/** Picks the stories. Counting words and days needs no model. */
export class Rank extends Node<Shared, Shared, Item[]> {
  override prep(shared: Shared): Shared {
    return shared;
  }

  override exec({ items, wish, now }: Shared): Item[] {
    const scoreOf = ({ title, text, at }: Item) => {
      const words = `${title} ${text}`.toLowerCase();
      const hits = wish.about.filter((word) => words.includes(word.toLowerCase())).length;
      return hits + 1 - (now - at) / DAY / wish.days;
    };
    const recent = items.filter(({ at }) => at <= now && now - at <= wish.days * DAY);
    const ranked = recent.map((item) => ({ item, score: scoreOf(item) })).sort((a, b) => b.score - a.score);
    const counts = new Map<string, number>();
    // Two stories of one source at most: a busy one would fill the issue.
    const varied = ranked.filter(({ item: { source } }) => {
      counts.set(source, (counts.get(source) ?? 0) + 1);
      return (counts.get(source) ?? 0) <= 2;
    });
    return varied.slice(0, wish.most).map(({ item }) => item);
  }

  override post(shared: Shared, _: Shared, picked: Item[]) {
    shared.picked = picked;
    return picked.length > 0 ? "worth a mail" : "no news";
  }
}

/** Summarises the stories at once. Where the model fails a story's own first words stand in. */
export class Summarise extends AsyncParallelBatchNode<Shared, Item, Story> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({ gate, attempts: 2, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ picked }: Shared): Item[] {
    return picked;
  }

  override async exec(item: Item, { signal }: Context): Promise<Story> {
    return { ...item, summary: await this.#llm.summarise(item, signal) };
  }

  override execFallback(item: Item): Story {
    return { ...item, summary: item.text.length > 160 ? `${item.text.slice(0, 160)}…` : item.text };
  }

  override post(shared: Shared, _: Item[], stories: Story[]): void {
    shared.stories = stories;
  }
}

/** Writes the mail, once in HTML and once in plain text. */
export class Write extends Node<Shared, Shared, Mail> {
  override prep(shared: Shared): Shared {
    return shared;
  }

  override async exec({ stories, dead, now }: Shared): Promise<Mail> {
    const issue = { date: new Date(now).toISOString().slice(0, 10), stories, dead };
    const more = stories.length > 1 ? ` and ${stories.length - 1} more` : "";
    const subject = `${(stories[0]?.title ?? "").slice(0, 70)}${more}`;
    return { subject, html: await htmlMail(issue), text: textMail(issue) };
  }

  override post(shared: Shared, _: Shared, mail: Mail): void {
    shared.mail = mail;
  }
}
