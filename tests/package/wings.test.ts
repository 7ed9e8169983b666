// The wings as a stranger gets them: the packed tarball, without their packages and with them, through import
// and require.
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import webpack from "webpack";
import { compile, compilersTried } from "../support/compilers.js";
import { majors, nodeBinary, type Packed, pack, root, run } from "../support/pack.js";
import { noRedis, startRedis } from "../support/redis.js";
import { isFull } from "../support/size.js";

const peers = [
  "piscina@5.3.2",
  "dataloader@2.2.3",
  "@opentelemetry/api@1.9.1",
  "log-update@7.2.0",
  "@sinonjs/fake-timers@15.5.0",
  "fast-check@4.10.2",
  "bullmq@6.7.0",
  "ioredis@6.0.0",
];
const batching = (batched: string) => `
  const lengthOf = ${batched}(async (texts) => texts.map((text) => text.length));
  console.log(JSON.stringify(await Promise.all(["a", "bb"].map((text) => lengthOf(text)))));`;
const otel = `
  const seen = [];
  const startSpan = (name) => (seen.push(name), trace.getTracer("none").startSpan(name));
  const around = otel({ tracer: { startSpan } });
  await new Flow(node({ name: "A" })).run({}, { around });
  console.log(JSON.stringify(seen));`;
const redis = `
  const url = process.argv[2];
  const shared = redisLimit(url, { key: "packed" });
  const gate = new Gate({ concurrency: 2, shared });
  const fleet = new Fleet({ connection: url, queue: process.argv[3] });
  const flowOf = (executor) => new Flow(node({
    name: "Double", executor, prep: () => 21, exec: (n) => n * 2, post: (store, _n, got) => void (store.got = got),
  }), { name: "Main" });
  await fleet.work(flowOf());
  const store = {};
  await flowOf(fleet).run(store);
  console.log(store.got, await gate.run(() => "granted"));
  await fleet.close();
  await shared.close();`;
const missing = `
  const spans = () => new Flow(node({})).run({}, { around: otel() });
  for (const use of [virtualTime, explore]) {
    try { await use(() => 1); } catch ({ code, message }) { console.log(code + ": " + message); }
  }
  const limited = () => redisLimit("redis://127.0.0.1:1", { key: "a" });
  const sent = () => new Flow(node({
    executor: new Fleet({ connection: "redis://127.0.0.1:1", queue: "a" }), exec: () => 1,
  })).run({});
  const limit = async () => new Gate({ concurrency: 1, shared: limited() }).run(() => 1);
  for (const use of [asyncify(() => 1), batched(async (items) => items), spans, sent, limit]) {
    console.log(await use(1).catch(({ code, message }) => code + ": " + message));
  }`;

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
  await cp(join(root, "tests/wings/threads/programs"), join(packed.project, "threads"), { recursive: true });
  await writeFile(
    join(packed.project, "missing.mjs"),
    `import { asyncify } from "sluice/threads";\nimport { batched } from "sluice/batching";
    import { Flow, Gate, node } from "sluice";\nimport { otel } from "sluice/otel";
    import { Fleet } from "sluice/bullmq";\nimport { redisLimit } from "sluice/redis";
    import { explore, virtualTime } from "sluice/testing";
    import { showProgress } from "sluice/progress";${missing}`,
  );
  await writeFile(
    join(packed.project, "missing.cjs"),
    `const { asyncify } = require("sluice/threads");\nconst { batched } = require("sluice/batching");
    const { Flow, Gate, node } = require("sluice");\nconst { otel } = require("sluice/otel");
    const { Fleet } = require("sluice/bullmq");\nconst { redisLimit } = require("sluice/redis");
    const { explore, virtualTime } = require("sluice/testing");
    const { showProgress } = require("sluice/progress");\n(async () => {${missing}})();`,
  );
  await writeFile(
    join(packed.project, "otel.mjs"),
    `import { trace } from "@opentelemetry/api";\nimport { Flow, node } from "sluice";
    import { otel } from "sluice/otel";${otel}`,
  );
  await writeFile(
    join(packed.project, "otel.cjs"),
    `const { trace } = require("@opentelemetry/api");\nconst { Flow, node } = require("sluice");
    const { otel } = require("sluice/otel");\n(async () => {${otel}})();`,
  );
  await writeFile(
    join(packed.project, "redis.mjs"),
    `import { Flow, Gate, node } from "sluice";\nimport { Fleet } from "sluice/bullmq";
    import { redisLimit } from "sluice/redis";${redis}`,
  );
  await writeFile(
    join(packed.project, "redis.cjs"),
    `const { Flow, Gate, node } = require("sluice");\nconst { Fleet } = require("sluice/bullmq");
    const { redisLimit } = require("sluice/redis");\n(async () => {${redis}})();`,
  );
  await writeFile(
    join(packed.project, "batching.mjs"),
    `import { batched } from "sluice/batching";${batching("batched")}`,
  );
  await writeFile(
    join(packed.project, "batching.cjs"),
    `(async () => {${batching('require("sluice/batching").batched')}})();`,
  );
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

// In this order: first the packages are not there, then they are.
test.each(["missing.mjs", "missing.cjs"])(
  "without its package a wing says what to install: %s",
  async (program) => {
    expect(await run(packed.project, process.execPath, program)).toBe(
      "MISSING_PEER: sluice/testing needs the package `@sinonjs/fake-timers`, which is not installed; install it: npm install @sinonjs/fake-timers\n" +
        "MISSING_PEER: sluice/testing needs the package `fast-check`, which is not installed; install it: npm install fast-check\n" +
        "MISSING_PEER: sluice/threads needs the package `piscina`, which is not installed; install it: npm install piscina\n" +
        "MISSING_PEER: sluice/batching needs the package `dataloader`, which is not installed; install it: npm install dataloader\n" +
        "MISSING_PEER: sluice/otel needs the package `@opentelemetry/api`, which is not installed; install it: npm install @opentelemetry/api\n" +
        "MISSING_PEER: sluice/bullmq needs the package `ioredis`, which is not installed; install it: npm install ioredis\n" +
        "MISSING_PEER: sluice/redis needs the package `ioredis`, which is not installed; install it: npm install ioredis\n",
    );
  },
);

test("with its package each wing works, through import and require, and the process ends by itself", async () => {
  await run(packed.project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...peers);
  for (const program of ["threads/main.mjs", "threads/main.cjs"]) {
    const output = await run(packed.project, process.execPath, "--trace-warnings", program);
    expect(JSON.parse(output), program).toEqual({
      hash: "ca978112",
      seen: [1, 2, 3],
      square: 49,
      aborted: "TimeoutError",
      died: "THREAD_DIED",
      after: "goes on",
      threads: true,
    });
  }
  for (const program of ["batching.mjs", "batching.cjs"]) {
    expect(await run(packed.project, process.execPath, program), program).toBe("[1,2]\n");
  }
  for (const load of [
    'import { showProgress } from "sluice/progress";',
    'const { showProgress } = require("sluice/progress");',
  ]) {
    const program = `${load} showProgress({ live: true }).then(({ events }) => console.log(events.eventNames().length));`;
    const type = load.startsWith("import") ? "module" : "commonjs";
    const output = await run(packed.project, process.execPath, `--input-type=${type}`, "-e", program);
    expect(output, load).toBe("5\n");
  }
  for (const program of ["otel.mjs", "otel.cjs"]) {
    const spans = '["invoke_workflow Flow","step A","attempt A"]\n';
    expect(await run(packed.project, process.execPath, program), program).toBe(spans);
  }
});

test.skipIf(noRedis)(
  "a fleet and a shared limit work, through import and require, and the process ends by itself",
  async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    for (const program of ["redis.mjs", "redis.cjs"]) {
      const output = await run(packed.project, process.execPath, program, server.url, program);
      expect(output, program).toBe("42 granted\n");
    }
  },
);

// As in a test runner: the program is JavaScript, and tsx is not what started it.
test.each(majors)("threads on Node %s read TypeScript, and say what cannot be cloned", async (major) => {
  const folder = join(packed.project, `typed-${major}`);
  await mkdir(join(folder, "node_modules"), { recursive: true });
  await symlink(join(root, "node_modules/tsx"), join(folder, "node_modules/tsx"), "junction");
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write("twice.ts", "export const twice = (n: number): number => n * 2;");
  await write("work.ts", 'export { twice } from "./twice.js"; export const bad = () => ({ deep: () => 1 });');
  await write(
    "main.mjs",
    `import { asyncify } from "sluice/threads";
    const work = (name) => asyncify(new URL("./work.js", import.meta.url), name);
    console.log(await work("twice")(21), await work("bad")().catch(({ code, message }) => code + " " + message));`,
  );
  expect(await run(folder, await nodeBinary(major), "main.mjs")).toMatch(
    /^42 NOT_CLONEABLE "bad" of work\.js/,
  );
});

const inABundle = `import { asyncify, move } from "sluice/threads";
  const run = async () => {
    try {
      console.log(await asyncify((n) => n * n)(7), (await asyncify(blank)(3)).length);
    } catch (error) {
      console.log(error.code, error.message);
    }
  };
  async function blank(length) {
    const bytes = new Uint8Array(length);
    globalThis[Symbol.for("sluice/1.moves")] = new WeakMap([[bytes, [bytes.buffer]]]);
    return bytes;
  }
  run();`;

test.each([
  ["esm", ["piscina"], /^49 3\n$/],
  ["cjs", ["piscina"], /^49 3\n$/],
  ["esm", [], /^THREAD_NOT_STARTED .* a bundle must leave piscina out: .*--external:piscina/],
  ["cjs", [], /^THREAD_NOT_STARTED .*worker\.js.* a bundle must leave piscina out: .*--external:piscina/],
] as const)(
  "threads in a bundle work, or say what to leave out: %s without %o",
  async (format, external, output) => {
    const outfile = join(
      packed.project,
      `bundle-${format}-${external.length}`,
      format === "esm" ? "a.mjs" : "a.cjs",
    );
    await build({
      stdin: { contents: inABundle, resolveDir: packed.project },
      bundle: true,
      platform: "node",
      format,
      external: [...external],
      outfile,
      logLevel: "error",
    });
    expect(await readdir(dirname(outfile))).toHaveLength(1); // thread.cjs is not beside it
    const temporary = await mkdtemp(join(packed.folder, "tmp-"));
    expect(await run(packed.project, "env", `TMPDIR=${temporary}`, process.execPath, outfile)).toMatch(
      output,
    );
    expect(await readdir(temporary)).toEqual([]);
  },
);

test("sluice/otel can be bundled for browsers by webpack", async () => {
  await writeFile(
    join(packed.project, "browser.mjs"),
    'import { otel } from "sluice/otel"; console.log(typeof otel());',
  );
  const problems = await new Promise((resolve, reject) => {
    const output = { path: join(packed.project, "browser"), filename: "out.cjs" };
    const options = {
      mode: "production",
      target: "web",
      context: packed.project,
      entry: "./browser.mjs",
      output,
    } as const;
    webpack(options, (error, stats) =>
      error ? reject(error) : resolve(stats?.toJson().errors?.map(({ message }) => message)),
    );
  });
  expect(problems).toEqual([]);
});

test("in CommonJS Jest an optional package is missing with the flag that Jest needs, and works with it", async () => {
  await writeFile(
    join(packed.project, "wings.test.js"),
    `test("wings", async () => {
      const { asyncify } = require("sluice/threads");
      const { batched } = require("sluice/batching");
      const works = [asyncify((n) => n * n)(7), batched(async (items) => items)(7)];
      for (const result of await Promise.allSettled(works)) {
        process.stdout.write("\\n# " + (result.value ?? result.reason.code + " " + result.reason.message));
      }
    });`,
  );
  const jest = async (...flags: string[]) => {
    const program = join(root, "node_modules/jest/bin/jest.js");
    const output = await run(
      packed.project,
      process.execPath,
      ...flags,
      program,
      "--rootDir",
      ".",
      "--no-watchman",
      "wings",
    );
    return output.match(/^# .*/gm);
  };
  const advice =
    "which cannot be loaded here, since import() is switched off; start Jest with NODE_OPTIONS=--experimental-vm-modules";
  expect(await jest()).toEqual([
    `# MISSING_PEER sluice/threads needs the package \`piscina\`, ${advice}`,
    `# MISSING_PEER sluice/batching needs the package \`dataloader\`, ${advice}`,
  ]);
  expect(await jest("--experimental-vm-modules")).toEqual(["# 49", "# 7"]);
});

test("virtualTime and explore work in Jest and in node:test", async () => {
  const body = `
      const time = virtualTime();
      const gate = new Gate({ rate: { requests: 1, per: 60_000 } });
      const slow = node({ gate, attempts: 2, backoff: 60_000, timeout: 1_000, exec: () => new Promise(() => {}) });
      const { code } = await time.run(() => slow.run({})).catch((error) => error);
      const minutes = Math.round(time.now / 60_000);
      time.restore();
      let runs = 0;
      await explore(async ({ around }) => { runs++; await node({ exec: async () => 1 }).run({}, { around }); }, { runs: 5 });
      process.stdout.write("\\n# " + [code, minutes, runs] + "\\n");`;
  await writeFile(
    join(packed.project, "kit.test.js"),
    `const { Gate, node } = require("sluice");\nconst { explore, virtualTime } = require("sluice/testing");
    test("kit", async () => {${body}\n});`,
  );
  await writeFile(
    join(packed.project, "kit.mjs"),
    `import { test } from "node:test";\nimport { Gate, node } from "sluice";\nimport { explore, virtualTime } from "sluice/testing";
    test("kit", async () => {${body}\n});`,
  );
  const jest = join(root, "node_modules/jest/bin/jest.js");
  const runners = [[jest, "--rootDir", ".", "--no-watchman", "kit.test.js"], ["kit.mjs"]];
  for (const runner of runners) {
    const output = await run(packed.project, process.execPath, ...runner);
    expect(output.match(/^# TIMEOUT.*/gm)).toEqual(["# TIMEOUT,1,5"]);
  }
});

test("importing sluice loads no wing and none of their packages", async () => {
  const program = `import "sluice"; import { createRequire } from "node:module";
    createRequire(import.meta.url)("sluice");
    const loaded = Object.keys(createRequire(import.meta.url).cache).join();
    console.log(/piscina|dataloader|opentelemetry|log-update|bullmq|ioredis|threads|batching|otel|progress/.test(loaded), process.moduleLoadList.includes("NativeModule worker_threads"));`;
  const output = await run(packed.project, process.execPath, "--input-type=module", "-e", program);
  expect(output.split(" ")[0]).toBe("false");
});

const program = `
  import { type ErrorCode, Flow, Gate, node, SluiceError } from "sluice";
  import { RemoteError } from "sluice/serve";
  import { recordTrace } from "sluice/trace";
  import { diagnostics, otel } from "sluice/otel";
  import { batched } from "sluice/batching";
  import { asyncify, ThreadPool } from "sluice/threads";

  export const pool = new ThreadPool({ threads: 1 });
  export const hash: Promise<string> = asyncify((text: string) => text + "!", { pool })("a");
  export const values: AsyncIterable<number> = asyncify(function* (to: number) { yield to; })(1);
  const one = batched(async (texts: readonly string[]) => texts.map((text) => text.length), { gate: new Gate() });
  export const length: Promise<number> = one("a", { signal: new AbortController().signal });
  // @ts-expect-error
  one(1);
  void new Flow(node({})).run({}, { around: [otel({ content: true }), diagnostics()] });
  // Each wing adds its codes to those of the core.
  export const codes: ErrorCode[] = ["TIMEOUT", "MISSING_PEER", "THREAD_DIED", "WRONG_RESULT_COUNT", "TRACE_FAILED"];
  export const isClosed = (error: unknown): boolean => error instanceof SluiceError && error.code === "POOL_CLOSED";
  // @ts-expect-error a misspelt code
  export const isDead = (error: SluiceError): boolean => error.code === "THREAD_DEAD";
  export const failed: RemoteError = new RemoteError("REMOTE_FAILED", "no");
  void recordTrace;
`;

test.each(compilersTried(isFull))("their types check under TypeScript %s", async (compiler) => {
  const folder = await mkdtemp(join(packed.project, "types-"));
  for (const name of ["esm.mts", "cjs.cts"]) await writeFile(join(folder, name), program);
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    types: [],
    skipLibCheck: false,
    strict: true,
    exactOptionalPropertyTypes: true,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  expect(await compile(compiler, folder)).toBe("");
});
