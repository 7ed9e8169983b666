// Reads what a file imports out of its syntax tree, so that an example in a comment does not count.
import ts from "typescript";

/** Every module named in an import, an export, a require(), or an import() of a value or a type. */
export function importsOf(tree: ts.SourceFile): string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    const named = specifierOf(node);
    if (named !== undefined && ts.isStringLiteral(named)) found.add(named.text);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const { fileName } of [...tree.typeReferenceDirectives, ...tree.referencedFiles]) found.add(fileName);
  return [...found];
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  if (!ts.isCallExpression(node)) return undefined;
  const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return dynamic || node.expression.getText() === "require" ? node.arguments[0] : undefined;
}
