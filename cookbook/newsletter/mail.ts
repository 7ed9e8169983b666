// The mail's two forms. hono's `html` escapes whatever is put into it, so that no feed can write into the page.
import { html } from "hono/html";
import type { Item } from "./feed.js";

/** News with its summary. */
export interface Story extends Item {
  readonly summary: string;
}

/** What a mail is made from. */
export interface Issue {
  readonly date: string;
  readonly stories: readonly Story[];
  /** Feeds that were not to be had. */
  readonly dead: readonly string[];
}

/** A mail that is ready to be sent. */
export interface Mail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10);

/** The mail for programs that show HTML. Styles are inline, for mail programs take no others. */
export async function htmlMail({ date, stories, dead }: Issue): Promise<string> {
  const title = ({ title, link }: Story) =>
    link === undefined ? html`${title}` : html`<a href="${link}" style="color:#0b6e74">${title}</a>`;
  const story = (each: Story) => html`
<h2 style="font-size:18px;margin:28px 0 4px">${title(each)}</h2>
<p style="color:#5b6675;font-size:13px;margin:0">${each.source}, ${day(each.at)}</p>
<p style="margin:8px 0 0">${each.summary}</p>`;
  const note = html`
<p style="color:#5b6675;font-size:13px;margin:32px 0 0">Not to be had today: ${dead.join("; ")}</p>`;
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>News of ${date}</title></head>
<body style="margin:0 auto;max-width:600px;padding:24px;font:16px/1.5 system-ui,sans-serif;color:#1b2430">
<h1 style="font-size:22px;margin:0">News of ${date}</h1>${stories.map(story)}${dead.length > 0 ? note : ""}
</body>
</html>
`;
  return String(await page);
}

/** The same for those who read plain text. */
export function textMail({ date, stories, dead }: Issue): string {
  const story = ({ title, source, at, summary, link }: Story) =>
    [title, `${source}, ${day(at)}`, summary, link].filter(Boolean).join("\n");
  const note = dead.length > 0 ? [`Not to be had today: ${dead.join("; ")}`] : [];
  return `${[`News of ${date}`, ...stories.map(story), ...note].join("\n\n")}\n`;
}
