// The cyclomatic complexity of functions, over TypeScript's tree: 1, and 1 for each branch.
import ts from "typescript";

const branches = new Set([
  ts.SyntaxKind.IfStatement,
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForInStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.DoStatement,
  ts.SyntaxKind.CaseClause,
  ts.SyntaxKind.CatchClause,
  ts.SyntaxKind.ConditionalExpression,
]);
/** With their assignments: `a ??= b` branches as `a ?? b` does. */
const operators = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
]);

/** A function, where it starts, and how many paths lead through it. */
export interface Measured {
  readonly name: string;
  readonly line: number;
  readonly complexity: number;
}

/**
 * Measures each function of a file by itself: a nested one adds nothing to its parent. What stands outside of all
 * functions, such as the initial value of a field, is not measured.
 *
 * Counted are `if`, `for`, `while`, `do`, `case`, `catch`, `?:`, `&&`, `||`, `??` and their assignments. Not counted
 * are `?.`, `default`, `else`, `finally` and the default value of a parameter.
 */
export function complexities(tree: ts.SourceFile): Measured[] {
  const measured: Measured[] = [];
  const visit = (node: ts.Node, count: () => void): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      let complexity = 1;
      ts.forEachChild(node, (child) => visit(child, () => complexity++));
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
      measured.push({ name: nameOf(node, tree), line: line + 1, complexity });
      return;
    }
    if (branches.has(node.kind)) count();
    if (ts.isBinaryExpression(node) && operators.has(node.operatorToken.kind)) count();
    ts.forEachChild(node, (child) => visit(child, count));
  };
  visit(tree, () => {});
  return measured;
}

/** Its own name, or that of the variable, field or property that it is the value of. */
function nameOf(node: ts.SignatureDeclaration, tree: ts.SourceFile): string {
  const named = node.name ?? (node.parent as ts.NamedDeclaration).name;
  return named?.getText(tree) ?? (ts.isConstructorDeclaration(node) ? "constructor" : "a callback");
}
