import { Gate } from "sluice";
import { openJournal } from "sluice/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { createCrawlFlow, createShared, type FetchPage } from "./crawl-index.js";
import { Index } from "./index-db.js";
import { parsePage } from "./page.js";
import { fetchSample, SAMPLE } from "./sample.js";

let index: Index;
beforeEach(() => void (index = new Index(":memory:")));
afterEach(() => index.close());

/** A vector that says whether a text has the word. */
const vectorOf = (text: string) => [/lock/i, /mill/i, /wheel/i].map((word) => (word.test(text) ? 1 : 0.01));

async function crawl(options: { limit?: number; fetch?: FetchPage; fail?: Error; run?: object } = {}) {
  const { limit = 10, fetch = fetchSample, fail, run } = options;
  const embedded: string[] = [];
  const embed: Model["embed"] = async (texts) => {
    if (fail && texts[0]?.includes("1908")) throw fail;
    embedded.push(...texts);
    return texts.map(vectorOf);
  };
  const model = { embed, calls: { attempts: 1 } } as unknown as Model;
  const shared = createShared(SAMPLE, limit);
  const error = await createCrawlFlow(model, index, fetch, new Gate({ concurrency: 2 }))
    .run(shared, { maxSteps: 50, ...run })
    .then(
      () => undefined,
      (reason) => reason,
    );
  return { ...shared, error, embedded, urls: [...shared.seen].map((url) => new URL(url).pathname) };
}

test("it follows the links of the site, each once, and finds passages by meaning", async () => {
  const { urls, indexed, embedded } = await crawl();
  expect(urls).toEqual(["/", "/locks", "/mills", "/wheels"]);
  expect([indexed, embedded.length]).toEqual([4, 4]);
  expect(index.nearest(vectorOf("a lock"), 1)).toMatchObject([{ url: `${SAMPLE}locks`, title: "Locks" }]);
});

test("it stops at the limit", async () => {
  expect((await crawl({ limit: 2 })).urls).toEqual(["/", "/locks"]);
});

test("a page that fails costs no other; a wrong key ends the crawl", async () => {
  const gone = Object.assign(new Error("404"), { status: 404 });
  const fetch: FetchPage = async (url, signal) => {
    if (url.endsWith("/mills")) throw gone;
    return fetchSample(url, signal);
  };
  const { failed, indexed } = await crawl({ fetch, fail: new Error("500") });
  expect(failed).toEqual({ [`${SAMPLE}mills`]: "404", [`${SAMPLE}locks`]: "500" });
  expect(indexed).toBe(1);
  const denied = new DeniedError("401");
  expect((await crawl({ fail: denied })).error).toBe(denied);
});

test("a crawl that was stopped goes on, and fetches and embeds only the rest", async () => {
  await using journal = await openJournal(":memory:");
  const drain = new AbortController();
  const fetched: string[] = [];
  const fetch: FetchPage = async (url, signal) => {
    fetched.push(url);
    if (url.endsWith("/mills")) drain.abort(new Error("Ctrl-C"));
    return fetchSample(url, signal);
  };
  const first = await crawl({ fetch, run: { journal, runId: "r", drain: drain.signal } });
  expect(first.error).toEqual(new Error("Ctrl-C"));
  const second = await crawl({ fetch, run: { journal, runId: "r" } });
  expect(second.indexed).toBe(4);
  expect(fetched).toHaveLength(4);
  expect([...first.embedded, ...second.embedded]).toHaveLength(4);
});

test("a page becomes passages and links of the web", () => {
  const html = `<title>T</title><nav>Menu</nav><h1>One</h1><p>Two &amp; three</p><script>no()</script>
    <p>${"x".repeat(1_490)}</p><a href="b?c#d">b</a><a href="mailto:a@b">mail</a><a href="/e">e</a>`;
  expect(parsePage("https://a.example/x/", html)).toMatchObject({
    title: "T",
    passages: ["One\nTwo & three", "x".repeat(1_490)],
    links: ["https://a.example/x/b?c", "https://a.example/e"],
  });
});
