// Runs the program as a user does, and the flow with feeds that the test serves.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { versionsIn } from "./changelogs.js";
import { type Item, itemsOf } from "./feed.js";
import { createNewsletterFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm } from "./llm.js";
import { createShared, type Wish } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "newsletter-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

const now = Date.parse("2026-11-20T12:00:00Z");
const daysAgo = (days: number) => new Date(now - days * 86_400_000);
const rss = (title: string, items: string[]) =>
  `<rss version="2.0"><channel><title>${title}</title>${items.join("")}</channel></rss>`;
const item = (title: string, days: number, text = "Some text.", link = "https://example.com/1") =>
  `<item><title><![CDATA[${title}]]></title><link><![CDATA[${link}]]></link><pubDate>${daysAgo(days).toUTCString()}</pubDate><description><![CDATA[${text}]]></description></item>`;

/** What is served where; an address that is not here is 404. */
const pages: Record<string, string> = {};
const requests: string[] = [];
const web = createServer((request, response) => {
  requests.push(request.url ?? "");
  const page = pages[request.url ?? ""];
  response.writeHead(page === undefined ? 404 : 200).end(page);
});
let base = "";
beforeAll(async () => {
  await once(web.listen(0, "127.0.0.1"), "listening");
  base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
});
afterAll(() => web.close());

describe.concurrent("the program", () => {
  test("makes a mail of the changelogs here, although one feed is dead", async () => {
    const out = join(scratch, "mail");
    mkdirSync(out);
    const { code, text } = await start(["--days", "36500", "--most", "4", "--out", out]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const [, alive, all] = /(\d+) of (\d+) feeds, \d+ items\./.exec(text) ?? [];
    expect(Number(all) - Number(alive)).toBe(1);
    expect(text).toMatch(/dead: http:\S+no-such-package\.xml: 404 Not Found/);
    const stories = [...text.matchAll(/^ {2}(\d{4}-\d\d-\d\d) {2}(\S+ \d+\.\d+\.\d+) \(/gm)];
    expect(stories).toHaveLength(4);
    const [html, plain, eml] = ["html", "txt", "eml"].map((end) =>
      readFileSync(join(out, `newsletter.${end}`), "utf8"),
    );
    for (const [, date, title = ""] of stories) {
      expect(html).toContain(`>${title}</a>`);
      expect(plain).toContain(`${title}\n${title.split(" ")[0]}, ${date}\n`);
    }
    expect(eml).toMatch(/^Content-Type: multipart\/alternative/m);
    expect(eml).toContain("Subject: ");
  });

  test("explains wrong input", async () => {
    const feed = await start(["example.com/feed"]).ended;
    expect(feed.text).toContain(
      'error: Expected addresses of feeds, got "example.com/feed". Write https://… in full.',
    );
    expect(feed.code).toBe(2);
    const days = await start(["--days", "soon"]).ended;
    expect(days.text).toContain(
      'error: Expected --days to be an integer from 1 up, got "soon". Write --days 7.',
    );
    expect(days.code).toBe(2);
  });

  test("stops at once on Ctrl-C while a story is summarised", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const asked = once(server, "request"); // and never answered
    const { child, ended } = start(["--days", "36500"], {
      OPENAI_API_KEY: "x",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    });
    await asked;
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    server.close();
  });
});

test("a service that has no URL is an error of the user's", async () => {
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(InputError);
});

describe("the flow", () => {
  /** A model that repeats what it is given, and fails at stories that say so. */
  class Parrot extends Llm {
    readonly asked: string[] = [];
    constructor() {
      super(new OpenAI({ apiKey: "none" }), "");
    }
    override async summarise({ title, text }: Item) {
      this.asked.push(title);
      if (text.startsWith("fail")) throw new Error("busy");
      return `About: ${text}`;
    }
  }

  const make = async (feeds: Record<string, string>, wish: Partial<Wish> = {}, dead: string[] = []) => {
    Object.assign(pages, feeds);
    const llm = new Parrot();
    const urls = [...Object.keys(feeds), ...dead].map((path) => (path.startsWith("/") ? base + path : path));
    const shared = createShared(urls, { about: [], days: 30, most: 9, ...wish }, now);
    const ending = await createNewsletterFlow({ llm }).run(shared);
    return { ...shared, ending, llm };
  };

  test("what a feed says is text in the mail, whatever it looks like", async () => {
    const hostile = item(
      "<b>Bold</b> &lt;script&gt;x()&lt;/script&gt;",
      1,
      'a "quote" &amp; &lt;img src=x onerror=x()&gt;',
      'https://example.com/"onclick="x()',
    );
    const script = item("Click", 2, "text", "javascript:alert(1)");
    const { mail, stories } = await make({ "/h": rss("&lt;i&gt;S&lt;/i&gt; &amp; T", [hostile, script]) });
    expect(stories.map(({ title }) => title)).toEqual(["Bold <script>x()</script>", "Click"]);
    expect(mail?.html).toContain("Bold &lt;script&gt;x()&lt;/script&gt;</a>");
    expect(mail?.html).toContain("About: a &quot;quote&quot; &amp; &lt;img src=x onerror=x()&gt;");
    expect(mail?.html).toContain('href="https://example.com/%22onclick=%22x()"');
    expect(mail?.html).not.toMatch(/<script|<img|<i>|javascript:/);
    expect(mail?.text).toContain('About: a "quote" & <img src=x onerror=x()>');
  });

  test("a dead feed, a page that is no feed and a server that is gone cost their own place only", async () => {
    requests.length = 0;
    const feeds = { "/good": rss("Good", [item("News", 1)]), "/page": "<!doctype html><p>Sorry" };
    const { mail, dead } = await make(feeds, {}, ["/gone", "http://127.0.0.1:9/feed"]);
    expect(dead).toEqual([
      expect.stringMatching(/\/page: Unrecognized feed format/),
      expect.stringMatching(/\/gone: 404 Not Found$/),
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:9\/feed: fetch failed \(.+\)$/),
    ]);
    expect(mail?.text).toContain("News\nGood, 2026-11-19\nAbout: Some text.");
    expect(mail?.html).toContain("Not to be had today");
    expect(requests.filter((url) => url === "/gone")).toHaveLength(2);
    expect(requests.filter((url) => url === "/good")).toHaveLength(1);
  });

  test("a story that the model fails at keeps its own words, and the others are summarised", async () => {
    const long = `fail ${"word ".repeat(50)}`;
    const { stories, llm } = await make({ "/f": rss("F", [item("A", 1, long), item("B", 2, "fine")]) });
    expect(stories.map(({ summary }) => summary)).toEqual([`${long.slice(0, 160)}…`, "About: fine"]);
    expect(llm.asked.filter((title) => title === "A")).toHaveLength(2);
  });

  test("newer and wished-for news come first, two of a source at most, and none that is too old or to come", async () => {
    const busy = [1, 2, 3].map((days) => item(`Busy ${days}`, days));
    const other = [item("Gates open", 20), item("Old", 31), item("Tomorrow", -1), item("Plain", 5)];
    const { picked, llm } = await make(
      { "/b": rss("Busy", busy), "/o": rss("Other", other) },
      { about: ["GATES"] },
    );
    expect(picked.map(({ title }) => title)).toEqual(["Gates open", "Busy 1", "Busy 2", "Plain"]);
    expect(llm.asked.sort()).toEqual(["Busy 1", "Busy 2", "Gates open", "Plain"]);
    expect((await make({ "/b": rss("Busy", busy) }, { most: 1 })).picked).toHaveLength(1);
  });

  test("without news there is no mail, and no call to the model", async () => {
    const old = await make({ "/old": rss("Old", [item("Old", 99)]) });
    const none = await make({}, {}, ["/gone"]);
    expect([old.ending, old.mail, old.llm.asked]).toEqual(["no news", undefined, []]);
    expect([none.ending, none.mail]).toEqual(["no news", undefined]);
  });
});

test("Atom and JSON Feed come to the same form as RSS", () => {
  const expected = [{ source: "S", title: "T & U", link: "https://a.example/x", at: now, text: "one two" }];
  const date = new Date(now).toISOString();
  const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>S</title><entry><title type="html">T &amp;amp; U</title><link href="/x"/><updated>${date}</updated><content type="html">&lt;p&gt;one&lt;/p&gt;two</content></entry></feed>`;
  const entry = { id: "1", title: "T & U", url: "/x", date_published: date, content_text: "one two" };
  const json = JSON.stringify({ version: "https://jsonfeed.org/version/1.1", title: "S", items: [entry] });
  for (const body of [atom, json]) expect(itemsOf(body, "https://a.example/feed")).toEqual(expected);
});

test("a changelog's versions are its dated headings", () => {
  const text =
    "# Changelog\n\n## [2.1.0](https://x) (2026-02-03)\n\n### Features\n\n* **api:** add gates ([#1](https://x)) ([abc](https://x))\n- fix locks.\n\n## 2.0.0\n\nUndated.\n";
  expect(versionsIn(text, "lock")).toEqual([
    {
      title: "lock 2.1.0",
      link: "https://www.npmjs.com/package/lock/v/2.1.0",
      pubDate: new Date("2026-02-03"),
      description: "Api: add gates.\nFix locks.",
    },
  ]);
});
