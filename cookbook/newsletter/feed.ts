// Feeds (RSS, Atom, JSON Feed), brought to one form. What they say becomes plain text: it was written by others.
import { decodeHTML } from "entities";
import { parseFeed } from "feedsmith";

/** One piece of news. */
export interface Item {
  readonly source: string;
  readonly title: string;
  /** An address of the web; `undefined` where the feed has none, or one of another kind. */
  readonly link: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

interface Entry {
  readonly title: string | undefined;
  readonly link: string | undefined;
  readonly date: string | undefined;
  readonly text: string | undefined;
}

/** Reads a feed; what has no title or no date is left out. @throws An error if it is no feed. */
export function itemsOf(body: string, url: string): Item[] {
  const { source, entries } = read(body);
  return entries.flatMap(({ title, link, date, text }) => {
    const item = {
      source: plain(source) || new URL(url).host,
      title: plain(title),
      at: Date.parse(date ?? ""),
    };
    if (item.title === "" || Number.isNaN(item.at)) return [];
    return [{ ...item, link: webAddress(link, url), text: plain(text).slice(0, 4_000) }];
  });
}

function read(body: string): { source: string | undefined; entries: Entry[] } {
  const { format, feed } = parseFeed(body);
  if (format === "rss") {
    const entries = (feed.items ?? []).map(({ title, link, pubDate, description }) => ({
      title,
      link,
      date: pubDate,
      text: description,
    }));
    return { source: feed.title, entries };
  }
  if (format === "atom") {
    const entries = (feed.entries ?? []).map(({ title, links, updated, summary, content }) => ({
      title: title?.value,
      link: links?.[0]?.href,
      date: updated,
      text: summary?.value ?? content?.value,
    }));
    return { source: feed.title?.value, entries };
  }
  if (format === "json") {
    const entries = (feed.items ?? []).map(({ title, url, date_published, content_text, content_html }) => ({
      title,
      link: url,
      date: date_published,
      text: content_text ?? content_html,
    }));
    return { source: feed.title, entries };
  }
  throw new Error(`Expected RSS, Atom or JSON Feed, got ${format}`);
}

/** Takes markup off. What it leaves may still look like markup, so it has to be escaped where it is shown. */
const plain = (html: string | undefined): string =>
  decodeHTML((html ?? "").replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ")
    .trim();

/** A link may be relative; `javascript:` and its like are none. */
function webAddress(link: string | undefined, base: string): string | undefined {
  if (!link || !URL.canParse(link, base)) return undefined;
  const { protocol, href } = new URL(link, base);
  return /^https?:$/.test(protocol) ? href : undefined;
}
