// What may stand after the three backticks, and the checks of the blocks that are not run.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { parseDocument } from "yaml";
import type { Block } from "./blocks.js";

export interface Problem {
  /** The line on the page, from 1 up. */
  readonly line: number;
  readonly message: string;
  readonly cause?: unknown;
}

type Check = (block: Block, root: string) => Problem | undefined;

const code = { words: ["continues", "fails", "sketch"], check: checkCode };

const languages: Record<string, { words: string[]; check?: Check }> = {
  ts: code,
  typescript: code,
  js: code,
  javascript: code,
  sh: { words: [], check: checkScripts },
  json: { words: [], check: checkJson },
  yaml: { words: [], check: checkYaml },
  mermaid: { words: [], check: checkDiagram },
  text: { words: ["output"] },
};

/** Tells whether the block is compiled, and run unless it is a `fails`. */
export const isCode = ({ lang, words }: Block): boolean =>
  languages[lang] === code && !words.includes("sketch");

/** Says what is wrong with a block by itself. `root` is the folder of the outermost `package.json`. */
export function problemOf(block: Block, root: string): Problem | undefined {
  const { line, lang } = block;
  if (block.problem) return { line, message: block.problem };
  const language = languages[lang];
  if (!language) {
    const what = lang === "" ? "this code block has no info string" : `\`${lang}\` is not known to the tests`;
    const advice =
      "```ts (compiled and run), ```ts sketch (only parsed), ```sh, ```json, ```yaml, ```mermaid or ```text";
    return { line, message: `${what}: write ${advice}` };
  }
  const unknown = block.words.find((word) => !language.words.includes(word));
  if (unknown) {
    const words = ["nothing", ...language.words].join(" or ");
    return { line, message: `\`${unknown}\` means nothing after \`${lang}\`: write ${words}` };
  }
  return language.check?.(block, root);
}

function checkCode({ line, lang, words, code }: Block): Problem | undefined {
  const unrun = words.find((word) => word !== "continues");
  if (unrun && code.includes("// =>"))
    return { line, message: `a \`${unrun}\` is not run: take out its \`// =>\`` };
  if (unrun !== "sketch") return undefined;
  const fileName = `sketch.${lang[0]}s`;
  const error = ts.transpileModule(code, { fileName, reportDiagnostics: true }).diagnostics?.[0];
  if (!error) return undefined;
  const message = `a sketch must parse: ${ts.flattenDiagnosticMessageText(error.messageText, "\n")}`;
  return { line: line + code.slice(0, error.start).split("\n").length, message };
}

function checkJson({ line, code }: Block): Problem | undefined {
  try {
    JSON.parse(code);
    return undefined;
  } catch (cause) {
    return { line, message: `this is not JSON: ${String(cause)}` };
  }
}

function checkYaml({ line, code }: Block): Problem | undefined {
  const error = parseDocument(code).errors[0];
  return (
    error && { line: line + (error.linePos?.[0].line ?? 0), message: `this is not YAML: ${error.message}` }
  );
}

function checkDiagram({ line, code }: Block): Problem | undefined {
  return code.trim() === "" ? { line, message: "this diagram is empty" } : undefined;
}

/** Follows `cd` into the repository, and looks up what each `npm start`, `npm test` and `npm run x` runs. */
function checkScripts({ file, line, code }: Block, root: string): Problem | undefined {
  let folder = dirname(join(root, file));
  for (const [index, text] of code.split("\n").entries()) {
    for (const command of text.split("#", 1)[0]!.split("&&")) {
      const isPlain = (word: string) => word !== "" && word[0] !== "-" && !word.includes("=");
      const [program, verb = "", name = ""] = command.split(" ").filter(isPlain);
      if (program === "cd") folder = [resolve(folder, verb), resolve(root, verb)].find(existsSync) ?? folder;
      const script = verb === "run" ? name : verb;
      if (program !== "npm" || !["run", "start", "test"].includes(verb) || script === "") continue;
      const scripts = scriptsOf(folder, root);
      if (scripts.includes(script)) continue;
      const message = `package.json has no script \`${script}\`: write one of ${scripts.join(", ")}`;
      return { line: line + 1 + index, message };
    }
  }
  return undefined;
}

function scriptsOf(folder: string, root: string): string[] {
  const file = join(folder, "package.json");
  if (existsSync(file)) return Object.keys(JSON.parse(readFileSync(file, "utf8")).scripts ?? {});
  return folder === root ? [] : scriptsOf(dirname(folder), root);
}
