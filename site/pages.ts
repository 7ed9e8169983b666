// Which files of the repository are pages of the site, and how a link between them is read. On GitHub the same
// pages are read where they lie, so links are written for the repository, and the site translates them.

/** What is a page, and where the site has it. The first rule that fits counts. */
const pages: readonly (readonly [RegExp, string])[] = [
  [/^site\/home\.md$/, "index.md"],
  [/^README\.md$/, "readme.md"],
  [/^docs\/README\.md$/, "contents.md"],
  [/^docs\/(.+\/)README\.md$/, "$1index.md"],
  [/^docs\/(.+\.md)$/, "$1"],
  [/^cookbook\/README\.md$/, "cookbook/index.md"],
  [/^cookbook\/([^/]+)\/README\.md$/, "cookbook/$1.md"],
  [/^bench\/README\.md$/, "bench/index.md"],
  [/^bench\/RESULTS\.md$/, "bench/results.md"],
  [/^AGENTS\.md$/, "agents.md"],
  [/^CHANGELOG\.md$/, "changelog.md"],
  [/^CONTRIBUTING\.md$/, "contributing.md"],
  [/^SECURITY\.md$/, "security.md"],
  [/^site\/generated\/(.+\.md)$/, "reference/$1"],
];

/** Where a file of the repository is on the site; `undefined` for one that is no page. Paths are relative. */
export function pageOf(file: string): string | undefined {
  for (const [rule, page] of pages) if (rule.test(file)) return file.replace(rule, page);
  return undefined;
}

/** The id of a heading, as GitHub makes it. */
export const slugOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");

/** A link of a page, apart. */
export interface Target {
  /** The file or folder that is meant, relative to the root of the repository. */
  readonly path: string;
  /** What follows the `#`; `""` where nothing does. */
  readonly hash: string;
}

/** Reads a link in a file of the repository; `undefined` for one that leads elsewhere. */
export function targetOf(file: string, href: string): Target | undefined {
  if (/^([a-z][a-z0-9+.-]*:|\/)/i.test(href)) return undefined;
  const { pathname, hash } = new URL(href, `http://repository/${file}`);
  return {
    path: decodeURIComponent(pathname).slice(1).replace(/\/$/, ""),
    hash: decodeURIComponent(hash.slice(1)),
  };
}
