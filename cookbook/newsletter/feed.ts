// Feeds (RSS, Atom, JSON Feed) in one form. They are untrusted, so all becomes plain text.
import { decodeHTML } from "entities";
import { parseFeed } from "feedsmith";

/** One story. */
export interface Item {
  readonly source: string;
  readonly title: string;
  /** A web address; `undefined` if the feed has none or another kind of address. */
  readonly link: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** Reads a feed, without entries that lack a title or a date. @throws An error if it is not a feed. */
export function itemsOf(body: string, url: string): Item[] {
  const { source, entries } = read(body);
  return entries.flatMap(([title, link, date, text]) => {
    const at = Date.parse(date ?? "");
    if (plain(title) === "" || Number.isNaN(at)) return [];
    const words = plain(text).slice(0, 4_000);
    return [
      { source: plain(source) || url, title: plain(title), link: webAddress(link, url), at, text: words },
    ];
  });
}

type Text = string | undefined;
type Entry = [title: Text, link: Text, date: Text, text: Text];

function read(body: string): { source: Text; entries: Entry[] } {
  const { format, feed } = parseFeed(body);
  if (format === "rss")
    return {
      source: feed.title,
      entries: (feed.items ?? []).map((item) => [item.title, item.link, item.pubDate, item.description]),
    };
  if (format === "atom")
    return {
      source: feed.title?.value,
      entries: (feed.entries ?? []).map(({ title, links, updated, summary, content }) => [
        title?.value,
        links?.[0]?.href,
        updated,
        summary?.value ?? content?.value,
      ]),
    };
  if (format === "json")
    return {
      source: feed.title,
      entries: (feed.items ?? []).map(({ title, url, date_published, content_text, content_html }) => [
        title,
        url,
        date_published,
        content_text ?? content_html,
      ]),
    };
  throw new Error(`Expected RSS, Atom or JSON Feed, got ${format}`);
}

/** Removes markup. The rest may still look like markup: escape it where it is shown. */
const plain = (html: Text): string =>
  decodeHTML((html ?? "").replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ")
    .trim();

/** A link may be relative; `javascript:` and the like are not links. */
function webAddress(link: Text, base: string): Text {
  if (!link || !URL.canParse(link, base)) return undefined;
  const { protocol, href } = new URL(link, base);
  return /^https?:$/.test(protocol) ? href : undefined;
}
