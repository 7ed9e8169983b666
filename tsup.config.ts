import { readFileSync, rmSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { defineConfig, type Options } from "tsup";
import { buildCli } from "./cli.config.js";

const root = import.meta.dirname;

// A wing adds one line here and one in `exports` of package.json.
const wings = [
  "batching",
  "bullmq",
  "diagram",
  "journal",
  "otel",
  "pocketflow",
  "progress",
  "redis",
  "serve",
  "testing",
  "threads",
  "trace",
];
const wingEntries = Object.fromEntries(wings.map((wing) => [`${wing}/index`, `src/wings/${wing}/index.ts`]));

const common = {
  target: ["node20", "es2022"],
  // The core imports nothing from node:, so it also runs in Deno, Bun, workers and the browser.
  platform: "neutral",
  removeNodeProtocol: false,
  splitting: false,
  // No source maps: what is built is not minified, and they would be two thirds of the package.
  sourcemap: false,
  clean: false,
  dts: false,
} satisfies Options;

/**
 * The core for Node: one file, which loads seven times as fast as a hundred modules, so that `import`, `require` and the
 * internals share one copy; and files that pick from it. Bundlers take the modules, by the condition "module". In the file
 * is p-limit, which is ESM only: left external, `require("sluice")` fails at run time.
 */
async function buildForNode(): Promise<void> {
  await mkdir(join(root, "dist/node"), { recursive: true });
  await build({
    stdin: {
      contents: 'export * from "./src/index.ts"; export * from "./src/internal.ts";',
      resolveDir: root,
      loader: "ts",
    },
    outfile: join(root, "dist/core.cjs"),
    bundle: true,
    format: "cjs",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: common.target,
    external: ["bottleneck", "bottleneck/*", "eventemitter3"],
  });
  for (const entry of ["index", "internal"]) {
    const { metafile } = await build({
      entryPoints: [join(root, `src/${entry}.ts`)],
      bundle: true,
      format: "esm",
      packages: "external",
      metafile: true,
      write: false,
      outfile: "out.js",
    });
    const names = Object.values(metafile.outputs)[0]?.exports ?? [];
    const required = names.map((name) => `  ${name}: core.${name},\n`).join("");
    const cjs = `"use strict";\nconst core = require("./core.cjs");\nmodule.exports = {\n${required}};\n`;
    await writeFile(join(root, `dist/${entry}.cjs`), cjs);
    // By the file that picks: Node looks for names in the text of what is imported, and that of the core is long.
    const esm = `import core from "../${entry}.cjs";\nexport const { ${names.join(", ")} } = core;\n`;
    await writeFile(join(root, `dist/node/${entry}.js`), esm);
  }
}

rmSync(join(root, "dist"), { recursive: true, force: true });

export default defineConfig([
  {
    // The core as one module for each file, so that a bundler takes only what is used.
    ...common,
    entry: [
      "src/index.ts",
      "src/internal.ts",
      "src/{base,observe,gate,engine,graph}/**/*.ts",
      "!src/**/*.d.ts",
    ],
    format: "esm",
    bundle: false,
    onSuccess: async () => {
      await buildForNode();
      await buildCli("dist");
    },
  },
  {
    // A wing imports the core by its name, so that a program has one core, and its types one Gate.
    ...common,
    // The second is what a thread of an executor loads by its path.
    entry: { ...wingEntries, "threads/call-node": "src/wings/threads/call-node.ts" },
    format: ["esm", "cjs"],
    external: ["sluice", "sluice/internal", /^node:/],
    // ES modules only. The text of devalue is what a database keeps: a program has the one that its journal was written with.
    noExternal: ["devalue", "string-width", "get-east-asian-width", "strip-ansi", "ansi-regex"],
    treeshake: true,
    shims: true,
    // A bundle of a program leaves thread.cjs behind; its text goes along.
    define: { THREAD_SOURCE: JSON.stringify(readFileSync("src/wings/threads/thread.cjs", "utf8")) },
    onSuccess: async () => {
      // The thread's side of sluice/threads is plain CommonJS, which a worker loads by its path.
      await copyFile("src/wings/threads/thread.cjs", "dist/threads/thread.cjs");
    },
  },
  {
    ...common,
    entry: { index: "src/index.ts", internal: "src/internal.ts", ...wingEntries },
    format: ["esm", "cjs"],
    external: ["sluice", "sluice/internal", /^node:/],
    // tsup sets baseUrl, which TypeScript 6 deprecates. What is marked @internal is nobody's API.
    dts: { only: true, compilerOptions: { ignoreDeprecations: "6.0", stripInternal: true } },
  },
]);
