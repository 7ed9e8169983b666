// What every recipe of the cookbook keeps to. That it runs is shown by its own test.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { importsOf } from "./support/imports.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const cookbook = join(root, "cookbook");
const recipes = readdirSync(cookbook, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
  .map((entry) => entry.name);

/** Programs of their own, which a recipe starts: they print, and read their environment. */
const programs = ["ensemble/service.ts", "mcp/server.ts"];

/** What a wing needs to be there. */
const peers = {
  threads: "piscina",
  batching: "dataloader",
  otel: "@opentelemetry/api",
  progress: "log-update",
  journal: "libsql",
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
    .filter((file) => file.endsWith(".ts") && !file.includes("node_modules"));

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

describe.each(recipes)("%s", (recipe) => {
  test("has its files, and a page of at most 60 lines with a graph", () => {
    for (const file of ["main.ts", "flow.ts", "nodes.ts", "recipe.test.ts"]) {
      expect(existsSync(join(cookbook, recipe, file)), file).toBe(true);
    }
    const page = read(recipe, "README.md");
    expect(page.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
    expect(page).toContain("```mermaid");
    expect(page).toMatch(/^npm start/m);
  });

  test("is a private package that can be started and tested, with exact versions", () => {
    const { name, private: hidden, scripts, dependencies, devDependencies } = manifestOf(recipe);
    expect(name).toBe(`sluice-recipe-${recipe}`);
    expect(hidden).toBe(true);
    expect(scripts).toMatchObject({
      start: expect.stringContaining("main.ts"),
      test: "vitest run recipe.test.ts",
    });
    const { sluice, ...others } = { ...dependencies, ...devDependencies };
    expect(sluice).toMatch(/^\^/);
    for (const [name, version] of Object.entries(others)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("imports its own files and what its package.json names, nothing else, and names no more", () => {
    const { dependencies, devDependencies } = manifestOf(recipe);
    const used = new Set(["tsx", "vitest"]);
    for (const file of sourcesOf(recipe)) {
      const tree = ts.createSourceFile(file, read(recipe, file), ts.ScriptTarget.ES2022, true);
      for (const specifier of importsOf(tree)) {
        if (specifier.startsWith(".")) {
          const target = join(dirname(join(recipe, file)), specifier);
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
