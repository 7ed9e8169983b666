// Finds every code block of the documentation, with the line it is on. What may be done with a block is
// said by its info string, which info-string.ts reads.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fromMarkdown } from "mdast-util-from-markdown";
import ts from "typescript";

export interface Block {
  /** The page, relative to the root. */
  readonly file: string;
  /** The line of the opening fence, from 1 up. */
  readonly line: number;
  /** The first word of the info string, `""` where there is none. */
  readonly lang: string;
  /** The other words of the info string. */
  readonly words: readonly string[];
  readonly code: string;
  /** Why this cannot be read as a code block. */
  readonly problem?: string;
}

type Markdown = ReturnType<typeof fromMarkdown>;

/** The pages of the documentation, relative to `root`. */
export function pagesOf(root: string): string[] {
  return [
    ...["README.md", "AGENTS.md", "llms.txt", "CONTRIBUTING.md", "CHANGELOG.md", "site/home.md"].filter(
      (file) => existsSync(join(root, file)),
    ),
    ...filesIn(root, "docs").filter((file) => file.endsWith(".md")),
    ...filesIn(root, "cookbook").filter((file) => file.endsWith("/README.md")),
  ];
}

/** Finds the blocks of all pages and sources under `root`, page by page, in their order. */
export function findBlocks(root: string): Block[] {
  const pages = pagesOf(root);
  const sources = filesIn(root, "src").filter((file) => file.endsWith(".ts"));
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  return [
    ...pages.flatMap((file) => markdownBlocks(file, read(file))),
    ...sources.flatMap((file) => docCommentBlocks(file, read(file))),
  ];
}

export function markdownBlocks(file: string, markdown: string): Block[] {
  const visit = (node: Markdown | Markdown["children"][number]): Block[] => {
    const line = node.position!.start.line;
    if (node.type === "code") {
      const words = (node.meta ?? "").split(" ").filter(Boolean);
      return [{ file, line, lang: node.lang ?? "", words, code: node.value }];
    }
    if (node.type === "html" && node.value.includes("```") && !node.value.startsWith("<!--")) {
      const problem = "a code block is swallowed by this HTML: write an empty line before it";
      return [{ file, line, lang: "", words: [], code: "", problem }];
    }
    return "children" in node ? node.children.flatMap(visit) : [];
  };
  return visit(fromMarkdown(markdown));
}

export function docCommentBlocks(file: string, text: string): Block[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const comments = new Map<number, ts.JSDoc>();
  const visit = (node: ts.Node): void => {
    for (const doc of ts.getJSDocCommentsAndTags(node)) if (ts.isJSDoc(doc)) comments.set(doc.pos, doc);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...comments.values()].flatMap((doc) => {
    const lines = text.slice(doc.pos + "/**".length, doc.end - "*/".length).split("\n");
    const bare = lines.map((line) => (line.trimStart().startsWith("*") ? line.trimStart().slice(1) : line));
    // Empty lines in front keep the comment's lines where they are in the file.
    const blocks = markdownBlocks(file, "\n".repeat(lineOf(doc.pos) - 1) + bare.join("\n"));
    for (const tag of doc.tags?.filter(({ tagName }) => tagName.text === "example") ?? []) {
      const [line, end] = [lineOf(tag.pos), lineOf(tag.end)];
      if (blocks.some((block) => block.line >= line && block.line <= end)) continue;
      const problem = "an @example needs a fenced block: write ```ts under it";
      blocks.push({ file, line, lang: "", words: [], code: "", problem });
    }
    return blocks;
  });
}

function filesIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder)).filter((name) => name !== "node_modules" && name[0] !== ".");
  const paths = names.sort().map((name) => `${folder}/${name}`);
  return paths.flatMap((path) => (statSync(join(root, path)).isDirectory() ? filesIn(root, path) : [path]));
}
