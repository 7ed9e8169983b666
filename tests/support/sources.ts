// The files of src/ as syntax trees, with what each imports.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { importsOf } from "./imports.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const read = (path: string): string => readFileSync(join(root, path), "utf8");

export interface Source {
  /** Its path in src/, without its extension. */
  readonly name: string;
  /** Its first folder in src/, for a wing its first two; its own name for a file directly in src/. */
  readonly room: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly string[];
  /** Those of `imports` that vanish at run time. */
  readonly typeImports: ReadonlySet<string>;
}

export const sources: ReadonlyMap<string, Source> = new Map(
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.c?[jt]s$/.test(file) && !file.endsWith(".d.ts"))
    .map((file): [string, Source] => {
      const tree = ts.createSourceFile(file, read(`src/${file}`), ts.ScriptTarget.ES2022, true);
      const name = file.replace(/\.[a-z]+$/, "");
      const [first, second] = name.split("/") as [string, string];
      const room = first === "wings" ? `wings/${second}` : first;
      return [name, { name, room, tree, imports: importsOf(tree), typeImports: typeImportsOf(tree) }];
    }),
);

function typeImportsOf(tree: ts.SourceFile): Set<string> {
  const values = new Set<string>();
  const all = new Set<string>();
  for (const statement of tree.statements) {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) continue;
    if (statement.moduleSpecifier === undefined) continue;
    const { text } = statement.moduleSpecifier as ts.StringLiteral;
    const clause = isImport ? statement.importClause : statement;
    const names = isImport ? statement.importClause?.namedBindings : statement.exportClause;
    const named =
      names !== undefined && (ts.isNamedImports(names) || ts.isNamedExports(names)) ? names : undefined;
    const areTypes =
      named?.elements.every((element) => element.isTypeOnly) && !(clause as ts.ImportClause).name;
    all.add(text);
    if (!clause?.isTypeOnly && !areTypes) values.add(text);
  }
  return new Set([...all].filter((text) => !values.has(text)));
}

/** The names of the files of src/ that a file imports. */
export const internalOf = ({ name, imports }: Source): string[] =>
  imports
    .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".d.ts"))
    .map((specifier) => posix.join(posix.dirname(name), specifier).replace(/\.js$/, ""));

/** Every node of a tree, depth first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

/** What a file exports itself, by name; overloads are together. */
export function exportedBy({ tree }: Source): Map<string, ts.Statement[]> {
  const found = new Map<string, ts.Statement[]>();
  for (const statement of tree.statements) {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) continue;
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map(({ name }) => name.getText(tree))
      : [(statement as ts.DeclarationStatement).name?.text ?? "default"];
    for (const name of names) found.set(name, [...(found.get(name) ?? []), statement]);
  }
  return found;
}

/** What a file of re-exports offers: the file that each comes from, its name there, and whether only its type. */
export function reexportedBy(source: Source) {
  return source.tree.statements
    .filter(ts.isExportDeclaration)
    .flatMap(({ exportClause, isTypeOnly, moduleSpecifier }) => {
      if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
      const { text } = moduleSpecifier as ts.StringLiteral;
      if (text === "sluice") return []; // is the index's own
      const file = sources.get(posix.join(posix.dirname(source.name), text).replace(/\.js$/, ""));
      if (file === undefined) throw new Error(`${source.name}: ${text} is no file of src/`);
      return exportClause.elements.map((element) => ({
        file,
        name: (element.propertyName ?? element.name).text,
        isType: isTypeOnly || element.isTypeOnly,
      }));
    });
}
