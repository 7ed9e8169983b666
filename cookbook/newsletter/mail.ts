// The two forms of the mail. hono's `html` escapes all values, so a feed cannot inject markup.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { html } from "hono/html";
import { createTransport } from "nodemailer";
import type { Item } from "./feed.js";

export interface Story extends Item {
  readonly summary: string;
  /** Why the summary is an excerpt. */
  readonly error?: string;
}

export interface Issue {
  readonly date: string;
  readonly stories: readonly Story[];
  readonly dead: readonly string[];
}

export interface Mail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

const GREY = "color:#5b6675;font-size:13px";

const lineOf = ({ source, at, error }: Story) =>
  `${source}, ${new Date(at).toISOString().slice(0, 10)}${error ? ", excerpt" : ""}`;
const noteOf = (dead: readonly string[]) =>
  dead.length > 0 ? `Not available today: ${dead.join("; ")}` : "";

/** Styles are inline, because mail programs ignore others. */
export async function htmlMail({ date, stories, dead }: Issue): Promise<string> {
  const story = (each: Story) => html`
<h2 style="font-size:18px;margin:28px 0 4px">${each.link ? html`<a href="${each.link}">${each.title}</a>` : each.title}</h2>
<p style="${GREY};margin:0">${lineOf(each)}</p>
<p style="margin:8px 0 0">${each.summary}</p>`;
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>News of ${date}</title></head>
<body style="margin:0 auto;max-width:600px;padding:24px;font:16px/1.5 system-ui,sans-serif">
<h1 style="font-size:22px;margin:0">News of ${date}</h1>${stories.map(story)}
<p style="${GREY};margin:32px 0 0">${noteOf(dead)}</p>
</body>
</html>
`;
  return String(await page);
}

export function textMail({ date, stories, dead }: Issue): string {
  const story = (each: Story) =>
    [each.title, lineOf(each), each.summary, each.link].filter(Boolean).join("\n");
  return `${[`News of ${date}`, ...stories.map(story), noteOf(dead)].filter(Boolean).join("\n\n")}\n`;
}

/** Writes both forms into a folder; with the URL of an SMTP server and an address the mail is sent as well. */
export async function deliver(mail: Mail, folder: string, url = "", to = ""): Promise<void> {
  for (const form of ["html", "text"] as const) writeFileSync(join(folder, `newsletter.${form}`), mail[form]);
  if (url && to) await createTransport(url).sendMail({ from: "news@localhost", to, ...mail });
}
