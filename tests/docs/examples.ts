// Puts blocks together into examples: what continues what, and which output belongs to which block.
import ts from "typescript";
import type { Block } from "./blocks.js";
import { isCode, type Problem, problemOf } from "./info-string.js";

/** One test: a code block, with the blocks that continue it. */
export interface Example {
  /** `README.md:42`, the line of the opening fence. */
  readonly name: string;
  readonly file: string;
  /** `run`: compile and run. `fails`: its last part must not compile. `read`: neither. */
  readonly mode: "run" | "fails" | "read";
  readonly parts: readonly Part[];
  /** All parts, each on the lines that it has on the page: a line of this is a line of the page. */
  readonly code: string;
  /** What is wrong before anything is compiled. */
  readonly problem: Problem | undefined;
}

export interface Part {
  readonly block: Block;
  /** The `text output` that this part must print. */
  output?: Block;
}

/** Turns blocks into examples. `root` is the folder of the outermost `package.json`. */
export function plan(blocks: readonly Block[], root: string): Example[] {
  const drafts: { block: Block; mode: Example["mode"]; parts: Part[]; problem: Problem | undefined }[] = [];
  let chain: Part[] | undefined; // what `continues` continues
  let printer: Part | undefined; // the block right before, if it can print
  for (const block of blocks) {
    if (chain?.[0]?.block.file !== block.file) chain = printer = undefined;
    const has = (word: string) => block.words.includes(word);
    const [isOutput, continues] = [has("output"), has("continues")];
    const orphan =
      isOutput && !printer
        ? "`text output` must be the next block after the `ts` that prints it"
        : continues && !chain
          ? "`continues` needs a block that runs before it on this page"
          : undefined;
    const problem = problemOf(block, root) ?? (orphan ? { line: block.line, message: orphan } : undefined);
    const mode = problem || !isCode(block) ? "read" : has("fails") ? "fails" : "run";
    const part: Part = { block };
    const parts = mode === "fails" && continues ? [...chain!, part] : [part];

    if (!problem && isOutput && printer) printer.output = block;
    else if (mode === "run" && continues) chain!.push(part);
    else drafts.push({ block, mode, parts, problem });
    if (mode === "run" && !continues) chain = parts;
    printer = mode === "run" ? part : undefined;
  }
  return drafts.map(({ block: { file, line }, mode, parts, problem }) => {
    return { name: `${file}:${line}`, file, mode, parts, code: inPlace(parts), problem };
  });
}

/** Tells whether a line of the page is in the part. */
export const holds = ({ block: { line, code } }: Part, at: number): boolean =>
  at >= line && at <= line + code.split("\n").length;

function inPlace(parts: readonly Part[]): string {
  const lines: string[] = [];
  for (const { block } of parts) {
    while (lines.length < block.line) lines.push("");
    lines.push(...block.code.split("\n"));
  }
  return parts.length > 1 ? withoutRepeatedImports(lines.join("\n")) : lines.join("\n");
}

/** Blanks out what an earlier part has imported already, so that each block may show its own imports. */
function withoutRepeatedImports(code: string): string {
  const seen = new Set<string>();
  let rest = code;
  for (const statement of ts.createSourceFile("page.ts", code, ts.ScriptTarget.Latest, true).statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const named = statement.importClause?.namedBindings;
    for (const node of named && ts.isNamedImports(named) ? named.elements : [statement]) {
      const name = ts.isImportSpecifier(node) ? node.name.text : node.getText();
      const key = `${statement.moduleSpecifier.getText()} ${name}`;
      const start = node.getStart();
      const comma = node !== statement && code.slice(node.end).trimStart().startsWith(",");
      const end = comma ? code.indexOf(",", node.end) + 1 : node.end;
      if (seen.has(key))
        rest = rest.slice(0, start) + code.slice(start, end).replace(/./g, " ") + rest.slice(end);
      seen.add(key);
    }
  }
  return rest;
}
