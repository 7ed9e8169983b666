// Bundles the programs of the recipes, once for a run of the tests: a bundle starts in a fifth of the time that tsx
// needs. bundled-starts.ts starts them.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";
import type { TestProject } from "vitest/node";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cookbook = join(root, "cookbook");

/** In `node_modules`, so that git and watchers pass it by. */
const outdir = join(root, "node_modules/.cache/sluice-recipes");

/** Packages that load a file of theirs by its path. */
const external = ["libsql", "@libsql/*", "pdfkit", "piscina"];

/** `new URL("service.ts", import.meta.url)`: another program of the same recipe. */
const sibling = /new URL\("(?:\.\/)?([\w-]+\.ts)", import\.meta\.url\)/g;

const outOf = (source: string) => join(outdir, `${relative(cookbook, source).replace(/\.ts$/, "")}.mjs`);

/** Where a recipe reads a file beside its source, it still finds it; where it starts another program, the bundle. */
const inPlace: Plugin = {
  name: "import.meta of the source",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]cookbook[\\/][^\\/]+[\\/][^\\/]+\.ts$/ }, ({ path }) => ({
      loader: "ts",
      contents: readFileSync(path, "utf8")
        .replaceAll(sibling, (_, file: string) => `new URL(${urlOf(outOf(join(dirname(path), file)))})`)
        .replaceAll("import.meta.dirname", JSON.stringify(dirname(path)))
        .replaceAll("import.meta.url", urlOf(path)),
    }));
  },
};
const urlOf = (path: string) => JSON.stringify(pathToFileURL(path).href);

async function bundle(): Promise<void> {
  const { build } = await import("esbuild");
  const mains = readdirSync(cookbook, { withFileTypes: true })
    .filter(({ name }) => existsSync(join(cookbook, name, "recipe.test.ts")))
    .map(({ name }) => join(cookbook, name, "main.ts"));
  const siblings = mains.flatMap((main) =>
    [...readFileSync(main, "utf8").matchAll(sibling)].map(([, file = ""]) => join(dirname(main), file)),
  );
  await build({
    entryPoints: [...mains, ...siblings],
    outbase: cookbook,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true, // what several recipes use is written once
    platform: "node",
    format: "esm",
    target: "node20",
    tsconfig: join(root, "tsconfig.json"),
    external,
    plugins: [inPlace],
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "warning",
  });
}

/** The bundle of a program of a recipe, or nothing where it starts from its source. */
export function bundleOf(program: string): string | undefined {
  const recipe = basename(dirname(program));
  const isMain = program === join(cookbook, recipe, "main.ts");
  return isMain ? outOf(program) : undefined;
}

export async function setup(project: TestProject): Promise<void> {
  rmSync(outdir, { recursive: true, force: true });
  await bundle();
  project.onTestsRerun(bundle);
}
