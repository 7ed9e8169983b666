// Feeds for those who name none: the changelogs of the packages installed here, served as RSS on this machine.
import { readdir, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { serve } from "@hono/node-server";
import { generateRssFeed } from "feedsmith";
import { Hono } from "hono";

/** A server of feeds that runs until it is closed. */
export interface Feeds {
  readonly urls: readonly string[];
  readonly close: () => Promise<void>;
}

/** Serves a feed for each changelog in `node_modules` of a folder or above it, and one address that is dead. */
export async function serveChangelogs(folder: string): Promise<Feeds> {
  const modules = await modulesFrom(folder);
  const feeds = new Map<string, string>();
  for (const name of await namesIn(modules)) {
    const text = await readFile(join(modules, name, "CHANGELOG.md"), "utf8").catch(() => "");
    const items = versionsIn(text, name);
    if (items.length === 0) continue;
    const link = `https://www.npmjs.com/package/${name}`;
    feeds.set(
      `/${name}.xml`,
      generateRssFeed({ title: name, link, description: `Versions of ${name}`, items }),
    );
  }
  const app = new Hono();
  app.get("*", (context) => {
    const feed = feeds.get(context.req.path);
    return feed === undefined
      ? context.notFound()
      : context.body(feed, 200, { "content-type": "application/rss+xml" });
  });
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const urls = [...feeds.keys(), "/no-such-package.xml"].map((path) => base + path);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
  return { urls, close };
}

/** The versions of a changelog that have a date in their heading. */
export function versionsIn(markdown: string, name: string) {
  return markdown.split(/^(?=##? |### \[?v?\d)/m).flatMap((section) => {
    const [, version, date] = /^#{1,3} \[?v?(\d+\.\d+\.\d+)\b.*?(\d{4}-\d\d-\d\d)/.exec(section) ?? [];
    if (version === undefined || date === undefined) return [];
    const description = section
      .replace(/^#.*|\*\*|`/gm, "")
      .replace(/\s*\(?\(\[[^\]]*\]\([^)]*\)\)\)?/g, "") // links to commits and issues
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(
        /^[ \t]*[-*] (.*?)[. \t]*$/gm,
        (_, change: string) => `${change[0]?.toUpperCase()}${change.slice(1)}.`,
      )
      .replace(/^Full Changelog.*$/gm, "")
      .trim();
    const link = `https://www.npmjs.com/package/${name}/v/${version}`;
    return [{ title: `${name} ${version}`, link, pubDate: new Date(date), description }];
  });
}

async function modulesFrom(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, "node_modules");
    if ((await readdir(join(path, "openai")).catch(() => [])).length > 0) return path;
    if (dirname(at) === at) throw new Error("There is no node_modules to read changelogs from");
  }
}

async function namesIn(modules: string): Promise<string[]> {
  const names = (await readdir(modules)).filter((name) => !name.startsWith("."));
  const scoped = names
    .filter((name) => name.startsWith("@"))
    .map(async (scope) => (await readdir(join(modules, scope))).map((name) => `${scope}/${name}`));
  return [...names.filter((name) => !name.startsWith("@")), ...(await Promise.all(scoped)).flat()].sort();
}
