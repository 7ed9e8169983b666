// The house tests its own shape, so that no reviewer has to: what may import what, how big files get, and
// that lists kept in two places agree. It reads sources only; what the build makes is seen in package/.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../src/base/errors.js";
import { importsOf } from "./imports.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Lower layers first. A file may import from its own layer and from those above it in this list. */
const layers = [
  ["untyped", "thenable", "nearest", "turns", "failure", "links"],
  ["gate/error-parts", "gate/wait-text"],
  ["gate/error-status", "gate/header-fields"],
  ["gate/named-wait", "gate/quota"],
  ["gate/refusal"],
  ["gate/retry-after"],
  ["errors"],
  ["options", "events", "abort", "source"],
  ["watch/around", "watch/gate-log", "watch/watch"],
  ["gate/semaphore", "gate/held"],
  ["context", "run", "scope"],
  ["gate/rate", "gate/permits", "gate/pass", "gate/gate-call", "gate/stall", "gate/gate"],
  ["watch/stream"],
  ["worker", "backoff", "watch/items"],
  ["node-options"],
  ["retry", "fan-out"],
  ["walk"],
  ["check-node"],
  ["base-node", "node"],
  ["batch", "flow", "batch-flow", "define", "mermaid"],
  ["index"],
];

interface Source {
  name: string;
  tree: ts.SourceFile;
  imports: string[];
}

const sources = new Map(
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file): [string, Source] => {
      const tree = ts.createSourceFile(file, read(`src/${file}`), ts.ScriptTarget.ES2022, true);
      const name = file.replace(/\.ts$/, "");
      return [name, { name, tree, imports: importsOf(tree) }];
    }),
);
/** The core is what lies directly in src/, the gate and the watch; every other folder is a wing. */
const graph = [...sources.values()].filter((source) => !source.name.includes("/"));
const gate = [...sources.values()].filter((source) => source.name.startsWith("gate/"));
/** What reads a refusal out of an error. It is counted apart from the gate. */
const readers = new Set(
  [
    "error-parts",
    "error-status",
    "header-fields",
    "named-wait",
    "quota",
    "refusal",
    "retry-after",
    "wait-text",
  ].map((name) => `gate/${name}`),
);
const watch = [...sources.values()].filter((source) => source.name.startsWith("watch/"));
const core = [...graph, ...gate, ...watch];

/** The names of the files of src/ that a file imports. */
const internal = ({ name, imports }: Source): string[] =>
  imports
    .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".d.ts"))
    .map((specifier) => join(dirname(name), specifier).replace(/\.js$/, ""));

/** All files that can be reached from one, through any number of imports. */
function reachable(name: string, seen = new Set<string>()): Set<string> {
  for (const next of internal(sources.get(name)!)) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachable(next, seen);
  }
  return seen;
}

/** Lines that hold at least one token: neither blank nor only a comment. */
function codeLines(tree: ts.SourceFile): number {
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(tree);
    for (const child of children) visit(child);
    if (children.length > 0 || node.getWidth(tree) === 0) return;
    const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
    for (let line = first; line <= last; line++) lines.add(line);
  };
  visit(tree);
  return lines.size;
}

describe("imports point one way", () => {
  test("every import names a file that exists, as .js", () => {
    for (const source of sources.values()) {
      for (const name of internal(source)) expect(sources.has(name), `${source.name} → ${name}`).toBe(true);
    }
  });

  test("no file can be reached from itself", () => {
    const cycles = [...sources.keys()].filter((name) => reachable(name).has(name));
    expect(cycles).toEqual([]);
  });

  test("no file reaches one of a higher layer, not even through a file outside the list", () => {
    const layerOf = (name: string) => layers.findIndex((layer) => layer.includes(name));
    const wrong = [...sources.keys()].flatMap((name) =>
      layerOf(name) === -1
        ? []
        : [...reachable(name)]
            .filter((next) => layerOf(next) > layerOf(name))
            .map((next) => `${name} → ${next}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the core imports no wing, not its own index, and nothing but its three dependencies", () => {
    const allowed = Object.keys(JSON.parse(read("package.json")).dependencies);
    for (const source of core) {
      for (const name of internal(source))
        expect(name, `in ${source.name}`).not.toMatch(/^(?!gate\/|watch\/).*\/|^index$|^\.\./);
      for (const specifier of source.imports.filter((specifier) => !specifier.startsWith("."))) {
        expect(allowed, `in ${source.name}`).toContain(
          specifier.replace(/^bottleneck\/light\.js$/, "bottleneck"),
        );
      }
    }
  });

  test("index.ts only re-exports, each thing by its name", () => {
    for (const statement of sources.get("index")!.tree.statements) {
      expect(ts.isExportDeclaration(statement), statement.getText()).toBe(true);
      const { exportClause, moduleSpecifier } = statement as ts.ExportDeclaration;
      expect(moduleSpecifier, statement.getText()).toBeDefined();
      expect(exportClause && ts.isNamedExports(exportClause), statement.getText()).toBe(true);
    }
  });
});

describe("files stay small", () => {
  test("no file in src/ has more than 250 lines", () => {
    for (const { name, tree } of sources.values()) {
      expect(tree.getLineStarts().length - 1, name).toBeLessThanOrEqual(250);
    }
    for (const file of readdirSync(join(root, "src/view/page")).filter((file) => file.endsWith(".css"))) {
      expect(read(`src/view/page/${file}`).split("\n").length, file).toBeLessThanOrEqual(250);
    }
  });

  // docs/decisions/0001-size-of-the-core.md: they may only shrink.
  test.each([
    ["the graph, directly in src/,", graph, 2_490],
    ["the gate", gate.filter(({ name }) => !readers.has(name)), 760],
    ["the reading of refusals", gate.filter(({ name }) => readers.has(name)), 360],
    ["the watch", watch, 460],
  ])("%s has few lines of code", (_name, files, most) => {
    const counts = files.map(({ name, tree }) => [name, codeLines(tree)] as const);
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    expect(total, counts.map(([name, count]) => `${name} ${count}`).join(", ")).toBeLessThanOrEqual(most);
    console.log(`lines of code: ${total} of ${most}`);
  });
});

describe("habits", () => {
  test("src/ never writes to the console, and hides with #private only", () => {
    const wrong: string[] = [];
    for (const { name, tree } of sources.values()) {
      const visit = (node: ts.Node): void => {
        const text = node.getText(tree).slice(0, 60);
        if (ts.isPropertyAccessExpression(node)) {
          if (node.expression.getText(tree) === "console") wrong.push(`${name}: ${text}`);
          if (/^_/.test(node.name.text)) wrong.push(`${name}: ${text}`);
        }
        if (ts.isClassElement(node)) {
          const hidden = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
          const isPrivate = hidden?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
          if (isPrivate && !ts.isConstructorDeclaration(node)) wrong.push(`${name}: ${text}`);
          if (/^_/.test(node.name?.getText(tree) ?? "")) wrong.push(`${name}: ${text}`);
        }
        ts.forEachChild(node, visit);
      };
      visit(tree);
    }
    expect(wrong).toEqual([]);
  });

  test("a file of src/ opens by saying what it is for", () => {
    for (const { name, tree } of sources.values()) expect(tree.text, name).toMatch(/^(\/\/|\/\*\*)/);
  });
});

interface Lockfile {
  packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
}

describe("lists that are kept in two places agree", () => {
  test("the runtime dependencies are the three, and nothing runs at install", () => {
    const manifest = JSON.parse(read("package.json"));
    expect(Object.keys(manifest.dependencies)).toEqual(["bottleneck", "eventemitter3", "p-limit"]);
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });

  const lockfiles = ["package-lock.json", "site/package-lock.json"];

  test.each(lockfiles)("%s names no host, so that any registry or mirror serves it", (lockfile) => {
    const { packages } = JSON.parse(read(lockfile)) as Lockfile;
    const resolved = Object.values(packages).flatMap((entry) => entry.resolved ?? []);
    expect(resolved.filter((target) => target.includes(":"))).toEqual([]);
  });

  test.each(lockfiles)(
    "%s has the packages of every platform; node .ci/lock-platforms.mjs adds them",
    (lockfile) => {
      const { packages } = JSON.parse(read(lockfile)) as Lockfile;
      const wanted = Object.values(packages).flatMap((entry) =>
        Object.keys(entry.optionalDependencies ?? {}),
      );
      const locked = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)));
      expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
    },
  );

  test("every error code has its heading in docs/reference/errors.md, and every heading its code", () => {
    const headings = [...read("docs/reference/errors.md").matchAll(/^##+ `?([A-Z][A-Z_]+)`?\s*$/gm)];
    expect(headings.map((match) => match[1]).sort()).toEqual([...errorCodes].sort());
  });
});
