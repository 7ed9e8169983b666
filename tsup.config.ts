import { copyFile } from "node:fs/promises";
import { defineConfig } from "tsup";
import { buildCli } from "./cli.config.js";

export default defineConfig({
  // A wing adds one line here and one in `exports` of package.json: "threads/index": "src/threads/index.ts".
  entry: {
    index: "src/index.ts",
    "batching/index": "src/batching/index.ts",
    "diagram/index": "src/diagram/index.ts",
    "otel/index": "src/otel/index.ts",
    "progress/index": "src/progress/index.ts",
    "serve/index": "src/serve/index.ts",
    "threads/index": "src/threads/index.ts",
    "trace/index": "src/trace/index.ts",
  },
  format: ["esm", "cjs"],
  target: ["node20", "es2022"],
  // The core imports nothing from node:, so it also runs in Deno, Bun, workers and the browser.
  platform: "neutral",
  // p-limit is ESM only: left external, require("sluice") fails at run time.
  noExternal: ["p-limit"],
  // A wing imports the core by its name, so that a program has one core, and its types one Gate.
  external: ["sluice", /^node:/],
  removeNodeProtocol: false,
  // tsup sets baseUrl, which TypeScript 6 deprecates. What is marked @internal is nobody's API.
  dts: { compilerOptions: { ignoreDeprecations: "6.0", stripInternal: true } },
  splitting: false,
  treeshake: true,
  // No source maps: what is built is not minified, and they would be two thirds of the package.
  sourcemap: false,
  clean: true,
  shims: true,
  onSuccess: async () => {
    // The thread's side of sluice/threads is plain CommonJS, which a worker loads by its path.
    await copyFile("src/threads/thread.cjs", "dist/threads/thread.cjs");
    await buildCli("dist");
  },
});
