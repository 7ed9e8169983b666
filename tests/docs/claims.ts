// Rewrites an example so that it can be watched: each statement says where it is, and each `// =>` becomes
// a check. Only inserts into lines, so that they stay where they are. `Witness` in run.ts is what it calls.
import ts from "typescript";
import type { Problem } from "./info-string.js";

interface Watched {
  readonly code: string;
  /** The lines with a `// =>`; each must be reached. */
  readonly claims: readonly number[];
  readonly problems: readonly Problem[];
}

/** `resolveImport` is given each relative import, and says what to import instead. */
export function watch(code: string, resolveImport: (specifier: string) => string): Watched {
  const source = ts.createSourceFile("page.ts", code, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const edits: { at: number; end?: number; text: string }[] = [];
  const claims: number[] = [];
  const problems: Problem[] = [];

  for (const statement of source.statements) {
    // Nothing may stand between the overloads of a function.
    if (ts.isImportDeclaration(statement) || ts.isFunctionDeclaration(statement)) continue;
    edits.push({ at: statement.getStart(), text: `__docs.at(${lineOf(statement.getStart())});` });
  }
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (ts.isStringLiteral(node) && node.text.startsWith(".") && isImport(node.parent)) {
      edits.push({ at: node.getStart(), end: node.end, text: JSON.stringify(resolveImport(node.text)) });
    }
    const expression = subjectOf(node);
    const claim = expression && claimAfter(code, node.end);
    if (!claim) return;
    const line = lineOf(claim.at);
    claims.push(line);
    const check = checkOf(expression, line, claim);
    if (check)
      edits.push({ at: expression.getStart(), text: check[0] }, { at: expression.end, text: check[1] });
    else
      problems.push({
        line,
        message: `\`${claim.texts[0]}\` is not a JS value: write one, or \`throws Error: …\``,
      });
  };
  visit(source);

  for (const [index, text] of code.split("\n").entries()) {
    if (!/\/\/ *=>/.test(text) || claims.includes(index + 1)) continue;
    problems.push({ line: index + 1, message: "`// =>` must follow an expression or a `const x = …;`" });
  }
  let watched = code;
  for (const { at, end = at, text } of edits.sort((a, b) => a.at - b.at).reverse()) {
    watched = watched.slice(0, at) + text + watched.slice(end);
  }
  return { code: watched, claims, problems };
}

/** The expression that a `// =>` after this statement is about. */
function subjectOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isExpressionStatement(node)) return node.expression;
  if (!ts.isVariableStatement(node) || node.declarationList.declarations.length > 1) return undefined;
  return node.declarationList.declarations[0]?.initializer;
}

interface Claim {
  readonly at: number;
  /** What the page says; then the same with one, two, … of the `//` lines below it. */
  readonly texts: readonly [string, ...string[]];
}

/** Reads a `// =>` that is on the same line or the next. */
function claimAfter(code: string, position: number): Claim | undefined {
  const comments = [ts.getTrailingCommentRanges, ts.getLeadingCommentRanges].flatMap(
    (get) => get(code, position) ?? [],
  );
  const isBelow = ({ pos }: ts.CommentRange, i: number) =>
    code.slice(comments[i - 1]?.end ?? position, pos).split("\n").length <= 2;
  const end = comments.findIndex((comment, i) => !isBelow(comment, i));
  const lines = comments
    .slice(0, end < 0 ? undefined : end)
    .map(({ pos, end }) => code.slice(pos + 2, end).trim());
  const [first, ...others] = lines;
  if (!first?.startsWith("=>")) return undefined;
  const text = first.slice("=>".length).trim();
  return {
    at: comments[0]!.pos,
    texts: [text, ...others.map((_, i) => [text, ...others.slice(0, i + 1)].join(" "))],
  };
}

/** What to write before and after an expression so that it is checked; nothing if no value is claimed. */
function checkOf(expression: ts.Expression, line: number, { texts }: Claim): [string, string] | undefined {
  const quoted = JSON.stringify(texts[0]);
  if (ts.isCallExpression(expression) && expression.expression.getText() === "console.log") {
    return [`__docs.printing(${line}, ${quoted}).`, ""];
  }
  if (texts[0] === "throws" || texts[0].startsWith("throws ")) {
    return [`await __docs.throws(${line}, ${quoted}, async () => (`, "))"];
  }
  const value = texts.find(isValue);
  return value ? [`__docs.equals(${line}, ${JSON.stringify(value)}, () => (${value}), (`, "))"] : undefined;
}

const isValue = (text: string): boolean =>
  ts.transpileModule(`(${text});`, { reportDiagnostics: true }).diagnostics?.length === 0;

const isImport = (node: ts.Node): boolean =>
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node) ||
  (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword);
