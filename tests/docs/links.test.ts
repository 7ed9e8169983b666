// Follows every link between the pages: the file is there, and so is the heading.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromMarkdown } from "mdast-util-from-markdown";
import { expect, test } from "vitest";
import { pageOf, slugOf, targetOf } from "../../site/pages.js";
import { pagesOf } from "./blocks.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");
const read = (file: string) => readFileSync(join(root, file), "utf8");
type Markdown = ReturnType<typeof fromMarkdown> | ReturnType<typeof fromMarkdown>["children"][number];

const all = (node: Markdown): Markdown[] => ["children" in node ? node.children.map(all) : [], node].flat(3);
const textOf = (node: Markdown): string =>
  "children" in node ? node.children.map(textOf).join("") : "value" in node ? node.value : "";
/** Each page is parsed once. */
const once = <T>(make: (file: string) => T) => {
  const known = new Map<string, T>();
  return (file: string): T => {
    if (!known.has(file)) known.set(file, make(file));
    return known.get(file) as T;
  };
};
const nodesOf = once((file) => all(fromMarkdown(read(file))));
const slugsOf = once((file) =>
  nodesOf(file)
    .filter((node) => node.type === "heading")
    .map((node) => slugOf(textOf(node))),
);

const pages = pagesOf(root);

test.each(pages)("every link of %s leads to a file, and to a heading of it", (file) => {
  const broken: string[] = [];
  for (const node of nodesOf(file)) {
    if (node.type !== "link" && node.type !== "image" && node.type !== "definition") continue;
    const target = targetOf(file, node.url);
    if (target === undefined) continue;
    const path = join(root, target.path);
    if (!existsSync(path)) broken.push(node.url);
    else if (target.hash !== "" && !slugsOf(target.path).includes(target.hash)) broken.push(node.url);
    // The site shows a folder by its README.
    else if (statSync(path).isDirectory() && !existsSync(join(path, "README.md"))) broken.push(node.url);
  }
  expect(broken).toEqual([]);
});

test("every link of a page in the package leads to a file in the package", () => {
  const { files } = JSON.parse(read("package.json")) as { files: string[] };
  const shipped = [...files.filter((file) => file[0] !== "!"), "README.md", "LICENSE", "package.json"];
  const isShipped = (path: string) => shipped.some((file) => path === file || path.startsWith(`${file}/`));
  const astray = pages.filter(isShipped).flatMap((file) =>
    nodesOf(file)
      .filter((node) => node.type === "link" || node.type === "image" || node.type === "definition")
      .map(({ url }) => targetOf(file, url)?.path)
      .filter((path) => path !== undefined && !isShipped(path))
      .map((path) => `${file}: ${path}`),
  );
  expect(astray).toEqual([]);
});

test("llms.txt and AGENTS.md name every import of the package, and only these", () => {
  const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, unknown> };
  const names = Object.keys(exports).map((key) => key.replace(".", "sluice"));
  const paths = names.filter((name) => name !== "sluice/package.json" && name !== "sluice/internal").sort();
  const listed = [...read("llms.txt").matchAll(/^- `(sluice(?:\/\w+)?)`: \S/gm)]
    .map(([, name]) => name)
    .sort();
  expect(listed).toEqual(paths);
  expect(paths.filter((name) => !read("AGENTS.md").includes(name))).toEqual([]);
});

test("every page of docs/ has a line in docs/README.md, and is a page of the site", () => {
  const listed = nodesOf("docs/README.md").flatMap((node) =>
    node.type === "link" ? (targetOf("docs/README.md", node.url)?.path ?? []) : [],
  );
  const own = pages.filter((file) => file.startsWith("docs/") && file !== "docs/README.md");
  const unlisted = own.filter((file) => !/^docs\/decisions\/\d/.test(file) && !listed.includes(file));
  expect(unlisted).toEqual([]);
  expect(own.filter((file) => pageOf(file) === undefined)).toEqual([]);
});

test("a page of the guide opens with a diagram or a block, before any prose", () => {
  const late = pages.filter((file) => {
    return file.startsWith("docs/guide/") && fromMarkdown(read(file)).children[1]?.type !== "code";
  });
  expect(late).toEqual([]);
});
