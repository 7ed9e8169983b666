import { afterEach, expect, test, vi } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { itemsOf } from "./feed.js";
import { createNewsletterFlow, type Shared } from "./newsletter.js";
import { versionsIn } from "./samples.js";

afterEach(() => vi.unstubAllGlobals());
const now = Date.UTC(2026, 0, 31);

const rss = (title: string, ...items: [title: string, day: string, text?: string][]) =>
  `<rss version="2.0"><channel><title>${title}</title>${items
    .map(
      ([name, day, text = "text"]) =>
        `<item><title>${name}</title><link>/a</link><pubDate>${day}</pubDate><description>${text}</description></item>`,
    )
    .join("")}</channel></rss>`;

/** Makes an issue from these feeds; one without a body is dead. */
async function issue(
  feeds: Record<string, string>,
  chat: (prompt: string) => Promise<string>,
  about: string[] = [],
) {
  vi.stubGlobal(
    "fetch",
    async (url: string) => new Response(feeds[url] || "no", { status: feeds[url] ? 200 : 404 }),
  );
  const shared: Shared = { feeds: Object.keys(feeds), wish: { about, days: 30, most: 3 }, now };
  // 404 is not asked for again, so no backoff is waited for
  const ending = await createNewsletterFlow({ chat } as unknown as Model).run(shared);
  return { ending, ...shared };
}
const upper = async (prompt: string) => (/Title: (.*)/.exec(prompt)?.[1] ?? "").toUpperCase();

test("the newest and most wanted stories are summarised, two of a source at most", async () => {
  const many = rss(
    "Busy",
    ["one", "2026-01-30"],
    ["two", "2026-01-29"],
    ["three", "2026-01-28"],
    ["old", "2025-01-01"],
  );
  const { stories, mail } = await issue(
    { "https://a.example/": many, "https://b.example/": rss("Calm", ["locks", "2026-01-05"]) },
    upper,
    ["LOCK"],
  );
  expect(stories?.map(({ summary }) => summary)).toEqual(["LOCKS", "ONE", "TWO"]);
  expect(mail?.subject).toBe("locks and 2 more");
  expect(mail?.text).toContain("locks\nCalm, 2026-01-05\nLOCKS\nhttps://b.example/a");
});

test("a story that fails keeps its own words, and the mail says so; a wrong key ends the run", async () => {
  const feeds = { "https://a.example/": rss("A", ["one", "2026-01-30", "Its own words."]) };
  const { stories, mail } = await issue(feeds, () => Promise.reject(new Error("500")));
  expect(stories?.[0]).toMatchObject({ summary: "“Its own words.…”", error: "500" });
  expect(mail?.html).toContain("A, 2026-01-30, excerpt");
  const denied = new DeniedError("401");
  await expect(issue(feeds, () => Promise.reject(denied))).rejects.toBe(denied);
});

test("no feed can write into the page", async () => {
  const text = "&lt;script&gt;alert(1)&lt;/script&gt; &amp;lt;b&amp;gt;";
  const { mail } = await issue(
    { "https://a.example/": rss("A", ["&lt;i&gt;one", "2026-01-30", text]) },
    async () => "<b>bold</b>",
  );
  expect(mail?.html).toContain("&lt;b&gt;bold&lt;/b&gt;");
  expect(mail?.html).not.toMatch(/<(script|b|i)>/);
});

test("nothing new: no mail", async () => {
  expect(await issue({ "https://a.example/": rss("A", ["old", "2024-01-01"]) }, upper)).toMatchObject({
    ending: "no news",
  });
});

test("RSS, Atom and JSON Feed are read alike; a link that is not of the web is none", () => {
  const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><title>one</title><link href="javascript:alert(1)"/><updated>2026-01-30T00:00:00Z</updated><summary>text</summary></entry></feed>`;
  const json = JSON.stringify({
    version: "https://jsonfeed.org/version/1.1",
    title: "A",
    items: [
      {
        id: "1",
        title: "one",
        url: "https://b.example/",
        date_published: "2026-01-30T00:00:00Z",
        content_text: "text",
      },
    ],
  });
  const read = [rss("A", ["one", "2026-01-30"]), atom, json].map(
    (body) => itemsOf(body, "https://a.example/f")[0],
  );
  expect(read.map((item) => item?.link)).toEqual(["https://a.example/a", undefined, "https://b.example/"]);
  for (const item of read)
    expect(item).toMatchObject({ source: "A", title: "one", at: Date.UTC(2026, 0, 30), text: "text" });
});

test("the versions of a changelog are its dated headings", () => {
  const text =
    "# Changelog\n\n## [1.2.0](https://a) (2026-01-30)\n\n* a lock ([abc](https://b))\n\n## Next\n";
  expect(versionsIn(text, "canal")).toMatchObject([{ title: "canal 1.2.0", description: "a lock." }]);
});
