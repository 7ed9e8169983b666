// Compiles all examples in one TypeScript program, each as a module of its own beside its page.
import { dirname, join } from "node:path";
import ts from "typescript";
import { type Example, holds } from "./examples.js";
import type { Problem } from "./info-string.js";

/** Errors that say the example is wrong, not that the types refuse it: no `fails` may live on them. */
const misspelt = new Set([2304, 2305, 2307, 2503, 2552, 2614, 2724]);

const unchanging = new Map<string, ts.SourceFile | undefined>();

/** Returns the type errors of each example, by name. The options are those of `root/tsconfig.json`. */
export function checkTypes(examples: readonly Example[], root: string): Map<string, Problem[]> {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root);
  // Plain JavaScript may be shown too. Two habits of this house are not asked of a reader: `override`, and
  // a `?.` after `results[0]`.
  Object.assign(options, { allowJs: true, checkJs: true });
  Object.assign(options, { noImplicitOverride: false, noUncheckedIndexedAccess: false });

  const files = new Map(
    examples.filter(({ mode }) => mode !== "read").map((one) => [pathOf(one, root), one]),
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getCurrentDirectory = () => root;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.getSourceFile = (path, how) => {
    const example = files.get(path);
    if (example) return ts.createSourceFile(path, example.code, how);
    if (!unchanging.has(path)) unchanging.set(path, getSourceFile(path, how));
    return unchanging.get(path);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  const problems = [...files].map(([path, example]): [string, Problem[]] => {
    const file = program.getSourceFile(path);
    const syntax = program.getSyntacticDiagnostics(file);
    return [
      example.name,
      verdict(example, syntax.length > 0 ? syntax : program.getSemanticDiagnostics(file)),
    ];
  });
  return new Map(problems);
}

function verdict(example: Example, errors: readonly ts.Diagnostic[]): Problem[] {
  const problems = errors
    // 7000 to 7099: "implicitly has an 'any' type". Plain JavaScript has no types to write.
    .filter(({ code }) => !isJs(example) || code < 7000 || code > 7099)
    .map(({ file, start, messageText, code }) => {
      const line = file!.getLineAndCharacterOfPosition(start!).line + 1;
      return { code, line, message: `${ts.flattenDiagnosticMessageText(messageText, "\n")} (TS${code})` };
    });
  if (example.mode !== "fails") return problems;

  const part = example.parts.at(-1)!;
  const own = problems.filter(({ line }) => holds(part, line));
  const wrong = own.filter(({ code }) => code < 2000 || misspelt.has(code));
  if (own.length === 0)
    return [{ line: part.block.line, message: "this must fail to compile, but it compiles" }];
  return wrong.map(({ line, message }) => ({ line, message: `fails for the wrong reason: ${message}` }));
}

const isJs = ({ parts }: Example): boolean => parts[0]!.block.lang[0] === "j";

/** A file that is nowhere on disk, in the page's folder so that relative imports work, named as TypeScript names files. */
const pathOf = (example: Example, root: string): string =>
  `${join(root, dirname(example.file), `docs-${example.name.replaceAll(/[/.:]/g, "-")}`).replaceAll("\\", "/")}.${isJs(example) ? "js" : "ts"}`;
