// Crawls a site level by level and indexes it with vectors in SQLite. A crawl that was stopped continues at the next start.
import { AsyncParallelBatchNode, type Context, Flow, Gate, type ItemFailure, isFailure } from "sluice";
import { DeniedError, type Model } from "../lib/model.js";
import type { Index, Page } from "./index-db.js";

/** Plain data, since the journal keeps it. */
export interface Shared {
  readonly start: string;
  /** The largest number of pages. */
  readonly limit: number;
  /** The URLs of the next level. */
  frontier: readonly string[];
  readonly seen: Set<string>;
  pages: readonly Page[];
  indexed: number;
  /** By URL: pages that could not be fetched or embedded, with the error. */
  readonly failed: Record<string, string>;
}

export const createShared = (start: string, limit: number): Shared => ({
  start,
  limit,
  frontier: [start],
  seen: new Set([start]),
  pages: [],
  indexed: 0,
  failed: {},
});

/** A crawl is one run for a site, a limit and a day. */
export const runIdOf = ({ start, limit }: Shared): string =>
  `${start} ${limit} ${new Date().toISOString().slice(0, 10)}`;

/** Fetches a page. A test passes a stand-in. */
export type FetchPage = (url: string, signal: AbortSignal) => Promise<Page>;

/** Fetches the pages of a level. `site` is the gate of the site. */
class FetchPages extends AsyncParallelBatchNode<Shared, string, Page, "collect"> {
  readonly #fetchPage: FetchPage;

  constructor(fetchPage: FetchPage, site: Gate) {
    const retries = { attempts: 3, backoff: { delay: 1_000, max: 30_000 }, timeout: 30_000 };
    super({ ...retries, gate: site, onError: "collect" });
    this.#fetchPage = fetchPage;
  }

  override prep({ frontier }: Shared) {
    return frontier;
  }

  override exec(url: string, { signal }: Context): Promise<Page> {
    return this.#fetchPage(url, signal);
  }

  override post(shared: Shared, _urls: unknown, results: (Page | ItemFailure<string>)[]): void {
    const { seen, failed, limit, start } = shared;
    shared.pages = results.filter((result) => !isFailure(result)) as Page[];
    for (const { item, error } of results.filter(isFailure)) failed[item] = (error as Error).message;
    const origin = new URL(start).origin;
    const links = shared.pages
      .flatMap((page) => page.links)
      .filter((link) => new URL(link).origin === origin);
    shared.frontier = [...new Set(links)].filter((link) => !seen.has(link)).slice(0, limit - seen.size);
    for (const link of shared.frontier) seen.add(link);
  }
}

/** The passages of a page are one request and one transaction, so a repetition changes nothing. */
class EmbedPages extends AsyncParallelBatchNode<Shared, Page, number, "collect"> {
  readonly #model: Model;
  readonly #index: Index;

  constructor(model: Model, index: Index) {
    super({ ...model.calls, onError: "collect" });
    this.#model = model;
    this.#index = index;
  }

  override prep({ pages }: Shared) {
    return pages.filter(({ passages }) => passages.length > 0);
  }

  override cost({ passages }: Page): number {
    return Math.ceil(passages.join("").length / 3);
  }

  override async exec(page: Page, ctx: Context): Promise<number> {
    const vectors = await this.#model.embed(page.passages, ctx);
    this.#index.put(page, vectors);
    return vectors.length;
  }

  override post(shared: Shared, _: unknown, results: (number | ItemFailure<Page>)[], { emit }: Context) {
    for (const { item, error } of results.filter(isFailure)) {
      if (error instanceof DeniedError) throw error; // all others would get it too
      shared.failed[item.url] = (error as Error).message;
    }
    shared.indexed += results.filter((result) => !isFailure(result)).length;
    shared.pages = []; // the store stays small
    void emit(`${shared.indexed} pages indexed, ${shared.frontier.length} to come`);
    return shared.frontier.length > 0 ? "next level" : "done";
  }
}

export function createCrawlFlow(
  model: Model,
  index: Index,
  fetchPage: FetchPage,
  site = new Gate({ name: "site", concurrency: 4, rate: { requests: 5, per: 1_000 } }),
): Flow<Shared> {
  const fetchPages = new FetchPages(fetchPage, site);
  const embedPages = new EmbedPages(model, index);
  fetchPages.next(embedPages);
  embedPages.branch({ "next level": fetchPages, done: null });
  return new Flow(fetchPages, { name: "Crawl" });
}
