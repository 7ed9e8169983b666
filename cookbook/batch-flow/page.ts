// What a page is: Markdown in, HTML out, and the links that it has to others.
import { posix } from "node:path";
import { Marked } from "marked";

/** A page that is ready to be written. */
export interface Page {
  readonly html: string;
  /** Links to other pages, as they stand in the Markdown. */
  readonly links: readonly string[];
}

const isPage = (link: string) => !/^([a-z]+:|\/|#)/i.test(link) && /\.md(#|$)/.test(link);

/** Tells whether a link in a file leads to one of the files. */
export function leadsSomewhere(link: string, file: string, files: readonly string[]): boolean {
  const path = posix.join(posix.dirname(encoded(file)), encoded(link.replace(/#.*/, "")));
  return files.some((other) => encoded(other) === path);
}

/** As in a URL; what is so already stays so. */
const encoded = (path: string) => encodeURI(path).replaceAll("%25", "%");

/** The name under which a page is written. */
export const targetOf = (file: string): string => file.replace(/\.md(?=#|$)/, ".html");

/** Makes a page of Markdown, in which links lead to the pages as they are written. */
export function render(markdown: string): Page {
  const links: string[] = [];
  let title = "";
  const marked = new Marked({
    walkTokens(token) {
      if (token.type === "heading" && title === "") title = String(token.text);
      if (token.type !== "link" || !isPage(token.href)) return;
      links.push(token.href);
      token.href = targetOf(token.href);
    },
  });
  const body = marked.parse(markdown, { async: false });
  return { html: template(title || "Untitled", body), links };
}

const template = (title: string, body: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</title>
<style>body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1.1rem/1.6 system-ui, sans-serif }</style>
${body}`;
