// What every recipe of the cookbook keeps to. That it runs is shown by its own test.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { importsOf } from "./support/imports.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const cookbook = join(root, "cookbook");
const recipes = readdirSync(cookbook, { withFileTypes: true })
  .map((entry) => entry.name)
  .filter((name) => existsSync(join(cookbook, name, "package.json")));
/** Lines of code of the example of PocketFlow for the same job. */
const pocketFlow: Readonly<Record<string, number>> = {
  agent: 198,
  "agentic-rag": 133,
  "batch-flow": 98,
  "batch-node": 92,
  chat: 45,
  "chat-guardrail": 94,
  "chat-memory": 239,
  "chat-web": 83,
  "coding-agent": 237,
  debate: 164,
  "deep-research": 158,
  "embed-batching": 47,
  heartbeat: 132,
  "hello-flow": 33,
  "human-approval": 252,
  invoice: 278,
  judge: 119,
  "majority-vote": 73,
  "map-reduce": 113,
  mcp: 296,
  "multi-agent": 81,
  newsletter: 162,
  "parallel-images": 161,
  "parallel-translate": 72,
  rag: 220,
  "self-healing-mermaid": 140,
  streaming: 76,
  "structured-output": 113,
  supervisor: 193,
  "text-to-sql": 331,
  thinking: 234,
  workflow: 147,
};

/** Programs of their own, which a recipe starts: they print, and read their environment. */
const programs = ["mcp/stdio.ts"];

/** What a wing needs to be there. */
const peers = {
  threads: "piscina",
  batching: "dataloader",
  otel: "@opentelemetry/api",
  progress: "log-update",
  journal: "libsql",
  bullmq: "bullmq",
  redis: "ioredis",
};

interface Manifest {
  name: string;
  private: boolean;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}
const read = (...path: string[]) => readFileSync(join(cookbook, ...path), "utf8");
const manifestOf = (recipe: string) => JSON.parse(read(recipe, "package.json")) as Manifest;
const sourcesOf = (recipe: string) =>
  readdirSync(join(cookbook, recipe), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.(tsx?|mjs)$/.test(file) && !file.includes("node_modules"));

test("no default of a recipe is a path of the folder in which it is started", () => {
  const found = recipes.flatMap((recipe) =>
    sourcesOf(recipe)
      .filter((file) => !file.endsWith(".test.ts"))
      .filter((file) => /"(\.\/)?node_modules\//.test(read(recipe, file)))
      .map((file) => `${recipe}/${file}`),
  );
  expect(found).toEqual([]); // `sluice demo` starts it where there is no project
});

test("there are thirty of them or more, and the table of the cookbook is theirs", () => {
  expect(recipes.length).toBeGreaterThanOrEqual(30);
  execFileSync(process.execPath, [".ci/cookbook-table.mjs", "--check"], { cwd: root });
  const shapes = read("README.md").split("| Recipe |")[0] as string;
  const named = [...shapes.matchAll(/→ `([\w-]+)`$/gm)].map((match) => match[1] as string);
  expect(named.sort()).toEqual([...recipes].sort());
});

test("what several of them use, they use in the same version", () => {
  const versions = new Map<string, Set<string>>();
  for (const recipe of recipes) {
    const { dependencies, devDependencies } = manifestOf(recipe);
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
  }
  expect([...versions].filter(([, found]) => found.size > 1)).toEqual([]);
});

/** Lines with a token. */
function codeLines(text: string): number {
  const tree = ts.createSourceFile("a.ts", text, ts.ScriptTarget.ES2022, true);
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    const { FirstJSDocNode, LastJSDocNode } = ts.SyntaxKind; // lists of nodes come after the last one
    const isCode = ({ kind }: ts.Node) => kind < FirstJSDocNode || kind > LastJSDocNode;
    const children = node.getChildren(tree).filter(isCode);
    children.forEach(visit);
    if (children.length > 0 || node.getWidth(tree) === 0) return;
    const [from, to] = [node.getStart(tree), node.end].map(
      (at) => tree.getLineAndCharacterOfPosition(at).line,
    );
    for (let line = from as number; line <= (to as number); line++) lines.add(line);
  };
  visit(tree);
  return lines.size;
}

test("lines of code are those with a token", () => {
  expect(codeLines("// a\n/** b */\nconst c = 1; // d\n\nfunction e() {\n  return `f\ng`;\n}\n")).toBe(5);
});

test("what recipes share has at most 200 lines of code, and imports no recipe", () => {
  const texts = readdirSync(join(cookbook, "lib")).map((file) => read("lib", file));
  expect(texts.reduce((sum, text) => sum + codeLines(text), 0)).toBeLessThanOrEqual(200);
  expect(texts.join("\n")).not.toMatch(/from "\.\.\//);
});

describe.each(recipes)("%s, on cookbook/lib", (recipe) => {
  test("is read in one file, starts in 25 lines, and has a page of 40", () => {
    expect(read(recipe, "main.ts").trimEnd().split("\n").length).toBeLessThanOrEqual(25);
    const page = read(recipe, "README.md");
    expect(page.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    expect(page).toContain("```mermaid");
    expect(page.replaceAll(/\s+/g, " ")).toContain(`Read [\`${recipe}.ts\`](${recipe}.ts) first`);
    expect(page).toContain(`npx sluice demo ${recipe}`);
  });

  test("has tests that start no program, and no stand-in of its own", () => {
    const text = read(recipe, `${recipe}.test.ts`);
    expect(text).not.toMatch(/node:(child_process|worker_threads|http)"/);
    const usesModel = sourcesOf(recipe).some((file) => read(recipe, file).includes('"../lib/model.js"'));
    expect(existsSync(join(cookbook, "stand-ins", `${recipe}.ts`))).toBe(usesModel);
    const { dependencies } = manifestOf(recipe);
    for (const name of ["@copilotkit/aimock", "tsx", "vitest", "playwright-core"]) {
      expect(dependencies[name], name).toBeUndefined();
    }
  });

  test("is at most twice as long as the example of PocketFlow", () => {
    const own = sourcesOf(recipe).filter((file) => !file.endsWith(".test.ts"));
    const lines = own.reduce((sum, file) => sum + codeLines(read(recipe, file)), 0);
    const most = recipe === "parallel-summaries" ? 150 : 2 * (pocketFlow[recipe] ?? 200);
    expect(lines).toBeLessThanOrEqual(most);
  });
});

test("the recipes are not much longer than the examples of PocketFlow", () => {
  const pairs = recipes.filter((recipe) => recipe in pocketFlow);
  const ours = pairs.flatMap((recipe) =>
    sourcesOf(recipe)
      .filter((file) => !file.endsWith(".test.ts"))
      .map((file) => codeLines(read(recipe, file))),
  );
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
  expect(sum(ours) / sum(pairs.map((recipe) => pocketFlow[recipe] ?? 0))).toBeLessThanOrEqual(1.3);
});

describe.each(recipes)("%s", (recipe) => {
  test("is a private package that can be started and tested, with exact versions", () => {
    const { name, private: hidden, scripts, dependencies, devDependencies } = manifestOf(recipe);
    expect(name).toBe(`sluice-recipe-${recipe}`);
    expect(hidden).toBe(true);
    expect(scripts).toMatchObject({
      start: expect.stringContaining("main.ts"),
      test: `vitest run ${recipe}.test.ts`,
    });
    const { sluice, ...others } = { ...dependencies, ...devDependencies };
    expect(sluice).toMatch(/^\^/);
    for (const [name, version] of Object.entries(others)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("imports its own files and what its package.json names, nothing else, and names no more", () => {
    const { dependencies, devDependencies } = manifestOf(recipe);
    const used = new Set(["tsx", "vitest"]);
    const all = sourcesOf(recipe).map((file) => read(recipe, file));
    if (all.some((text) => text.includes('"../lib/model.js"')))
      for (const name of ["openai", "zod"]) used.add(name);
    for (const file of sourcesOf(recipe)) {
      const tree = ts.createSourceFile(file, read(recipe, file), ts.ScriptTarget.ES2022, true);
      for (const specifier of importsOf(tree)) {
        if (specifier.startsWith(".")) {
          const target = posix.join(posix.dirname(posix.join(recipe, file)), specifier);
          if (target.startsWith("lib/")) continue;
          expect(target.split("/")[0], `${file} imports ${specifier}`).toBe(recipe);
          continue;
        }
        if (specifier.startsWith("node:")) continue;
        expect(builtinModules, `${file} imports ${specifier} without node:`).not.toContain(specifier);
        const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
        used.add(name);
        const allowed = file.endsWith(".test.ts") ? { ...dependencies, ...devDependencies } : dependencies;
        expect(Object.keys(allowed), `${file} imports ${specifier}`).toContain(name);
      }
    }
    const text = sourcesOf(recipe)
      .map((file) => read(recipe, file))
      .join("\n");
    for (const [wing, peer] of Object.entries(peers)) if (text.includes(`"sluice/${wing}"`)) used.add(peer);
    for (const [, name] of text.matchAll(/createRequire\(import\.meta\.url\)\("([^"]+)"\)/g))
      used.add(name as string);
    const idle = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !used.has(name));
    expect(idle.filter((name) => !name.startsWith("@types/"))).toEqual([]);
  });

  test("reads its environment and prints in main.ts alone", () => {
    for (const file of sourcesOf(recipe)) {
      if (file === "main.ts" || file.endsWith(".test.ts") || programs.includes(`${recipe}/${file}`)) continue;
      const tree = ts.createSourceFile(file, read(recipe, file), ts.ScriptTarget.ES2022, true);
      const visit = (node: ts.Node): void => {
        if (ts.isPropertyAccessExpression(node)) {
          expect(node.getText(tree), file).not.toMatch(
            /^(console\.|process\.(env|argv|stdout|stderr|exit)\b)/,
          );
        }
        ts.forEachChild(node, visit);
      };
      visit(tree);
    }
  });
});
