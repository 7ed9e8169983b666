// Builds the command `sluice` and the page that it writes, with all that they need inside, so that the library's
// dependencies stay three. The build of the package calls this, and so do the tests, which need no dist/.
import { join } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";

const root = import.meta.dirname;

/** The scripts and the styles of the page of a run and of the studio. Gives what went into them. */
export async function buildPage(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    metafile: true,
    entryPoints: [
      { in: join(root, "src/view/page/main.ts"), out: "page" },
      { in: join(root, "src/view/page/page.css"), out: "page" },
      { in: join(root, "src/view/page/studio/main.ts"), out: "studio" },
      { in: join(root, "src/view/page/studio.css"), out: "studio" },
    ],
    outdir: folder,
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "none", // THIRD-PARTY.md has the licences
  });
  return metafile;
}

/**
 * Builds the command and the page, and gives what went into each.
 *
 * @param alias - Where `sluice` is, for a command that is not to use the built one.
 */
export async function buildCli(folder: string, alias?: BuildOptions["alias"]): Promise<Metafile[]> {
  const [{ metafile }, page] = await Promise.all([
    build({
      metafile: true,
      entryPoints: { main: join(root, "src/cli/main.ts") },
      outdir: join(folder, "cli"),
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      // What is in the package stays one copy; a package may import itself by its name.
      ...(alias === undefined
        ? { external: ["sluice", "sluice/*"] }
        : { alias, external: ["bullmq", "ioredis", "libsql", "pg"], logLevel: "error" as const }),
      // Commander is CommonJS, and asks for the modules of Node by `require`.
      banner: {
        js: '#!/usr/bin/env node\nimport { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
      },
      // Small, for it is half commander; names stay, so that an error can be reported.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
    }),
    buildPage(join(folder, "view")),
  ]);
  return [metafile, page];
}
