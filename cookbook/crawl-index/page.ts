// A page of the web: its text in passages, and its links.
import { Window } from "happy-dom";
import type { Page } from "./index-db.js";

const MOST_LETTERS = 1_500;

/** Fetches a page. @throws An error with the `status` of the answer, which decides whether it is retried. */
export async function fetchPage(url: string, signal: AbortSignal): Promise<Page> {
  const response = await fetch(url, { signal, headers: { "user-agent": "sluice-recipe-crawl-index" } });
  const { status, statusText, headers } = response;
  if (!response.ok) throw Object.assign(new Error(`${status} ${statusText}`), { status, headers });
  const type = headers.get("content-type") ?? "";
  if (!type.includes("html")) return { url, title: "", passages: [], links: [] };
  return parsePage(url, await response.text());
}

export function parsePage(url: string, html: string): Page {
  const document = new new Window({ url }).DOMParser().parseFromString(html, "text/html");
  const links = [...document.querySelectorAll("a[href]")].flatMap((link) => {
    const href = link.getAttribute("href") ?? "";
    if (!URL.canParse(href, url)) return [];
    const target = new URL(href, url);
    target.hash = "";
    return /^https?:$/.test(target.protocol) ? [target.href] : [];
  });
  for (const element of document.querySelectorAll("script, style, nav, header, footer")) element.remove();
  const blocks = [...document.querySelectorAll("h1, h2, h3, p, li, pre, td")].map((element) =>
    (element.textContent ?? "").replace(/\s+/g, " ").trim(),
  );
  const passages: string[] = [];
  for (const block of blocks.filter(Boolean)) {
    const last = passages.at(-1) ?? "";
    if (last !== "" && last.length + block.length < MOST_LETTERS)
      passages[passages.length - 1] = `${last}\n${block}`;
    else passages.push(block.slice(0, MOST_LETTERS));
  }
  return { url, title: document.title || url, passages, links: [...new Set(links)] };
}
