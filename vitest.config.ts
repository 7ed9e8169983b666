import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests that start other processes (npm, tsc, recipes) would disturb those that watch the clock, so
// the groups run one after another: first the clock, one file at a time, then the two others.
const clock = "tests/**/*.clock.test.ts";
const heavy = [
  "tests/{cli,docs,package,types,view}/**/*.test.ts",
  "tests/**/*.browser.test.ts",
  "tests/house.test.ts",
];
const recipes = "cookbook/*/recipe.test.ts";

/** In full size only the files run that have a size: those that import tests/support/size.ts. */
const left =
  process.env.SLUICE_TEST_SIZE === "full"
    ? readdirSync(here("tests"), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".test.ts"))
        .map((file) => `tests/${file}`)
        .filter((file) => !readFileSync(here(file), "utf8").includes("support/size.js"))
        .concat("cookbook/**")
    : [];

export default defineConfig({
  resolve: {
    alias: [
      { find: /^sluice$/, replacement: here("src/index.ts") },
      { find: /^sluice\/internal$/, replacement: here("src/internal.ts") },
      { find: /^sluice\/(.+)$/, replacement: `${here("src/wings")}/$1/index.ts` },
    ],
  },
  test: {
    // Unless it is told, Vitest leaves a core idle.
    maxWorkers: availableParallelism(),
    execArgv: ["--expose-gc"],
    // A recipe that a test starts in another folder also gets the source, and never an old dist/.
    env: { TSX_TSCONFIG_PATH: here("tsconfig.json") },
    testTimeout: 20_000,
    hookTimeout: 120_000,
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: "clock",
          include: [clock],
          exclude: ["**/node_modules/**", ...left],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "core",
          include: ["tests/**/*.test.ts"],
          exclude: ["**/node_modules/**", clock, ...heavy, ...left],
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "house",
          include: heavy,
          exclude: ["**/node_modules/**", clock, ...left],
          testTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: "recipes",
          include: [recipes],
          // They start programs and keep nothing of their own; a new context for each file is a quarter of their time.
          isolate: false,
          exclude: ["**/node_modules/**", ...left],
          globalSetup: "tests/support/bundle-recipes.ts",
          setupFiles: "tests/support/bundled-starts.ts",
          testTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
