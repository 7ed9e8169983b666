// Sample feeds: the changelogs of installed packages as RSS in data: URLs, and one address that is down.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { generateRssFeed } from "feedsmith";

export async function changelogFeeds(modules: string): Promise<string[]> {
  const feeds: string[] = [];
  for (const name of (await readdir(modules)).sort()) {
    const items = versionsIn(
      await readFile(join(modules, name, "CHANGELOG.md"), "utf8").catch(() => ""),
      name,
    );
    if (items.length === 0) continue;
    const rss = generateRssFeed({
      title: name,
      description: `Versions of ${name}`,
      items: items.slice(0, 5),
    });
    feeds.push(`data:application/rss+xml;base64,${Buffer.from(rss).toString("base64")}`);
  }
  return [...feeds, "http://127.0.0.1:1/dead.xml"];
}

/** The versions of a changelog that have a date in their heading. */
export function versionsIn(markdown: string, name: string) {
  return markdown.split(/^(?=##? |### \[?v?\d)/m).flatMap((section) => {
    const [, version, date] = /^#{1,3} \[?v?(\d+\.\d+\.\d+)\b.*?(\d{4}-\d\d-\d\d)/.exec(section) ?? [];
    if (version === undefined || date === undefined) return [];
    const description = section
      .replaceAll(/^#.*|\*\*|`|^Full Changelog.*$/gm, "")
      .replaceAll(/\s*\(?\(\[[^\]]*\]\([^)]*\)\)\)?/g, "") // links to commits and issues
      .replaceAll(/^[ \t]*[-*] (.*?)[. \t]*$/gm, "$1.")
      .trim();
    const link = `https://www.npmjs.com/package/${name}/v/${version}`;
    return [{ title: `${name} ${version}`, link, pubDate: new Date(date), description }];
  });
}
