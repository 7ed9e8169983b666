// A site to crawl without a network: pages that link to each other.
import type { FetchPage } from "./crawl-index.js";
import { parsePage } from "./page.js";

const PAGES: Readonly<Record<string, string>> = {
  "/": `<title>Canal</title><p>All about a canal.</p><a href="/locks">Locks</a> <a href="/mills#top">Mills</a>`,
  "/locks": `<title>Locks</title><p>The lock at Brenn was built in 1908. It has two pairs of gates.</p><a href="/">Home</a>`,
  "/mills": `<title>Mills</title><p>A mill takes water from above the sluice.</p><a href="/wheels">Wheels</a>`,
  "/wheels": `<title>Wheels</title><p>The wheel of the mill turns all year.</p><a href="https://other.example/">Other</a>`,
};

export const SAMPLE = "https://canal.example/";

export const fetchSample: FetchPage = async (url) => {
  const html = PAGES[new URL(url).pathname];
  if (html === undefined) throw Object.assign(new Error("404 Not Found"), { status: 404 });
  return parsePage(url, html);
};
