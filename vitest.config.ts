import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests that start other processes (npm, tsc, recipes) would disturb those that watch the clock, so
// in `npm run test:deep` the clock runs first, one file at a time.
const clock = "tests/**/*.clock.test.ts";
const browser = "tests/**/*.browser.test.ts";
/** They start processes. */
const house = ["tests/{cli,cookbook,docs,types,view}/**/*.test.ts", "tests/{house,repository}.test.ts"];
/** They start threads, mock modules, or look for what is left in their process, which is theirs alone. */
const alone = [
  "tests/wings/threads/**/*.test.ts",
  "tests/properties/random-graphs.test.ts",
  "tests/cookbook/faults.test.ts",
  "tests/docs/**/*.test.ts",
];
const packed = "tests/package/**/*.test.ts";
/** Those that start no program. */
const flows = "cookbook/*/*.test.ts";

const tests = readdirSync(here("tests"), { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/")) // on Windows too, for what follows are patterns
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => ({ path: `tests/${file}`, text: readFileSync(here(`tests/${file}`), "utf8") }));
const whose = (use: (text: string) => boolean) =>
  tests.filter(({ text }) => use(text)).map(({ path }) => path);

/** They fake the clock of their process, which therefore no other file gets. */
const timers = whose((text) => /FakeTimers|fake-clock/.test(text));

/** In full size only those files of `npm test` run again that have a size: that import tests/support/size.ts. */
const sizeless = ["full", "huge"].includes(process.env.SLUICE_TEST_SIZE ?? "")
  ? whose((text) => !text.includes("support/size.js"))
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
    coverage: {
      provider: "v8",
      include: ["src/{engine,gate}/**/*.ts"],
      reporter: [["text", { skipFull: true }], "text-summary"],
      // Those of today, rounded down: what falls below has lost tests.
      thresholds: { "src/engine/**": { branches: 96 }, "src/gate/**": { branches: 95 } },
      reportOnFailure: true,
    },
    projects: [
      {
        extends: true,
        test: {
          name: "clock",
          include: [clock],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "core",
          include: ["tests/**/*.test.ts"],
          exclude: ["**/node_modules/**", clock, ...timers, browser, ...house, ...alone, packed, ...sizeless],
          isolate: false, // a process for each file is half of their time
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "timers",
          include: timers,
          exclude: ["**/node_modules/**", clock, browser, ...house, ...alone, packed, ...sizeless],
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "house",
          include: house,
          exclude: ["**/node_modules/**", clock, browser, ...alone, ...sizeless],
          isolate: false,
          testTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: alone,
          exclude: ["**/node_modules/**", clock, ...sizeless],
          testTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      // From here on what `npm test` leaves to `npm run test:deep`.
      {
        extends: true,
        test: {
          name: "package",
          include: [packed],
          testTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: [browser],
          testTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: "cookbook",
          include: [flows],
          setupFiles: "tests/support/no-races.ts",
          isolate: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
