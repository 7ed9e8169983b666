// The site: the repository's own pages, with a sidebar made of docs/README.md.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type DefaultTheme, defineConfig, type MarkdownOptions } from "vitepress";
import { pageOf, slugOf, targetOf } from "../pages.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const site = join(root, "site");
const titleOf = (file: string) => /^# (.+)$/m.exec(readFileSync(join(root, file), "utf8"))?.[1] ?? file;

/** Files that pages link to and that are no pages: they are copied, and shown as plain text. */
const files = new Set<string>();

/** Where a link in a file of the repository leads on the site. */
function hrefOf(file: string, href: string): string {
  const target = targetOf(file, href);
  if (target === undefined || href.startsWith("#")) return href;
  const path = existsSync(join(root, target.path, "README.md"))
    ? join(target.path, "README.md")
    : target.path;
  const hash = target.hash === "" ? "" : `#${target.hash}`;
  const page = pageOf(path);
  if (page !== undefined && existsSync(join(root, path))) return `/${page}${hash}`;
  if (!existsSync(join(root, path)) || statSync(join(root, path)).isDirectory()) {
    throw new Error(`${file}: the link ${href} leads to no page and no file`);
  }
  files.add(path);
  return `/files/${path}.txt`;
}

type MarkdownIt = Parameters<NonNullable<MarkdownOptions["config"]>>[0];

/** Translates links before VitePress looks for dead ones, leaves out empty table headers, and hands diagrams to the component that draws them. */
function config(md: MarkdownIt): void {
  md.core.ruler.push("repository-links", ({ tokens, env }) => {
    for (const [at, { type, children }] of tokens.entries()) {
      // A table header without a text is no header.
      if (type === "th_open" && tokens[at + 1]?.content === "") {
        for (const each of [tokens[at], tokens[at + 2]]) if (each !== undefined) each.tag = "td";
      }
      for (const token of children ?? []) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (href !== null) token.attrSet("href", hrefOf(relative(root, env.realPath ?? env.path), href));
      }
    }
  });
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info = "", content = "" } = tokens[index] ?? {};
    if (info.trim() !== "mermaid") return fence?.(tokens, index, ...rest) ?? "";
    return `<Diagram source="${encodeURIComponent(content)}"></Diagram>`;
  };
}

/** The sidebar is the list in docs/README.md: its headings, and the links under them. */
function sidebar(): DefaultTheme.SidebarItem[] {
  const groups: (DefaultTheme.SidebarItem & { items: DefaultTheme.SidebarItem[] })[] = [];
  const list = readFileSync(join(root, "docs/README.md"), "utf8").replaceAll(/<!--.*?-->/gs, "");
  for (const [, heading, text = "", href = ""] of list.matchAll(/^## (.+)$|^- \[(.+?)\]\((.+?)\)/gm)) {
    if (heading !== undefined) groups.push({ text: heading, collapsed: false, items: [] });
    else groups.at(-1)?.items.push({ text, link: hrefOf("docs/README.md", href) });
  }
  const namesIn = (folder: string) => readdirSync(join(root, folder)).sort();
  const recipes = namesIn("cookbook").filter((name) => existsSync(join(root, "cookbook", name, "README.md")));
  const decisions = namesIn("docs/decisions").filter((name) => /^\d/.test(name));
  const api = readdirSync(join(site, "generated/api"), { recursive: true, encoding: "utf8" });
  const modules = api
    .filter((file) => /^sluice(\/[^/]+)?\/index\.md$/.test(file))
    .sort()
    .map(dirname);
  return [
    // Without a link VitePress makes a group a button around the button that opens it.
    ...groups.map((group) => ({ ...group, link: group.items[0]?.link ?? "/contents" })),
    {
      text: "Every class, option and type",
      link: "/reference/api/",
      collapsed: true,
      items: modules.map((name) => ({ text: name, link: `/reference/api/${name}/` })),
    },
    {
      text: "Recipes",
      link: "/cookbook/",
      collapsed: true,
      items: recipes.map((name) => ({ text: name, link: `/cookbook/${name}.md` })),
    },
    {
      text: "Decisions",
      link: "/decisions/",
      collapsed: true,
      items: decisions.map((name) => ({
        text: titleOf(`docs/decisions/${name}`).replaceAll("`", ""),
        link: `/decisions/${name}`,
      })),
    },
  ];
}

/** A gate that controls a flow. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 1v14M13 1v14M3 5h10M3 9h10" stroke="#3451b2" stroke-width="2" fill="none"/><path d="M1 13q3.5-3 7 0t7 0" stroke="#1aa0d8" stroke-width="2" fill="none"/></svg>`;

export default defineConfig({
  title: "sluice",
  description: "Node/flow graphs for TypeScript",
  lang: "en-GB",
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  srcDir: root,
  outDir: "dist",
  cacheDir: "cache",
  // Dead links fail the build, and so does a link to a file that is not there (hrefOf).
  srcExclude: [
    "**/node_modules/**",
    "**/dist/**",
    "{src,tests,api,.ci}/**",
    "THIRD-PARTY.md",
    "bench/contestants/**",
  ],
  rewrites: (file) => pageOf(file) ?? file,
  markdown: {
    config,
    anchor: { slugify: slugOf },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    nav: [
      { text: "Guide", link: "/guide/start" },
      { text: "All pages", link: "/contents" },
      { text: "Recipes", link: "/cookbook/" },
      { text: "Reference", link: "/reference/api/" },
      { text: "For agents", link: "/agents" },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        miniSearch: {
          // Pages explain a word; members of the reference only have it in their names.
          searchOptions: { boostDocument: (id: string) => (id.includes("/reference/api/") ? 0.05 : 1) },
        },
      },
    },
    externalLinkIcon: true,
  },
  vite: {
    publicDir: false,
    build: { chunkSizeWarningLimit: 3_000 }, // the index of the search
    plugins: [
      {
        // Pages lie outside this folder, where its Vue would not be found.
        name: "vue-of-the-site",
        enforce: "pre",
        resolveId(id, importer, options) {
          if (!/^vue($|\/)/.test(id)) return null;
          if (options.ssr) return { id, external: true };
          if (importer?.startsWith(site)) return null;
          return this.resolve(id, join(site, "package.json"), { ...options, skipSelf: true });
        },
      },
    ],
  },
  transformPageData({ relativePath, frontmatter }) {
    // The reference is looked things up in, not read from page to page.
    if (relativePath.startsWith("reference/api/")) Object.assign(frontmatter, { prev: false, next: false });
  },
  buildEnd({ outDir }) {
    const copy = (from: string, to: string) => {
      mkdirSync(dirname(join(outDir, to)), { recursive: true });
      copyFileSync(join(root, from), join(outDir, to));
    };
    for (const file of files) copy(file, `files/${file}.txt`);
    copy("llms.txt", "llms.txt");
    for (const file of ["AGENTS.md", "README.md", "CHANGELOG.md"]) copy(file, file); // what llms.txt links to
  },
});
