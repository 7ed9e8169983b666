// What the built modules are: one copy of each class, under its own name, and what a bundler takes of them.
import { rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Packed, pack, run } from "../support/pack.js";

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

/** Runs a program in the project that has the package, and gives what it prints as JSON. */
async function ran(name: string, program: string): Promise<unknown> {
  await writeFile(join(packed.project, name), program);
  return JSON.parse(await run(packed.project, process.execPath, name));
}

describe.each([
  ["import", "mjs", (name: string) => `await import("${name}")`],
  ["require", "cjs", (name: string) => `require("${name}")`],
])("through %s", (_format, extension, load) => {
  test("every class has the name that it is exported by", async () => {
    const names = Object.keys(packed.manifest.exports)
      .filter((key) => key !== "./package.json")
      .map((key) => key.replace(".", "sluice"));
    const program = `(async () => {
      const wrong = [], right = [];
      for (const [entry, module] of [${names.map((name) => `["${name}", ${load(name)}]`)}]) {
        for (const [key, value] of Object.entries(module)) {
          if (typeof value !== "function" || !/^class\\b/.test(Function.prototype.toString.call(value))) continue;
          (module[value.name] === value ? right : wrong).push(entry + ": " + key + " is " + value.name);
        }
      }
      console.log(JSON.stringify({ wrong, right: right.length }));
    })();`;
    const { wrong, right } = (await ran(`names.${extension}`, program)) as { wrong: string[]; right: number };
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(12);
  });

  test("an error prints the name of its class, and its code", async () => {
    const program = `(async () => {
      const { Flow, node, parallel } = ${load("sluice")};
      const failed = await new Flow(node({ post: () => 1 })).run({}).catch((error) => error);
      const { inspect } = ${load("node:util")};
      console.log(JSON.stringify([failed.constructor.name, String(failed).split(":")[0], inspect(failed).split(":")[0],
        parallel([node({})]).constructor.name, parallel([node({})]).name]));
    })();`;
    expect(await ran(`prints.${extension}`, program)).toEqual([
      "SluiceError",
      "SluiceError",
      "SluiceError",
      "Parallel",
      "parallel",
    ]);
  });

  test("an uncaught error is printed as SluiceError", async () => {
    const name = `uncaught.${extension}`;
    const program = `(async () => { const { Gate } = ${load("sluice")}; setImmediate(() => new Gate({ concurrency: 0 })); })();`;
    await writeFile(join(packed.project, name), program);
    const failure = await run(packed.project, process.execPath, name).catch((error) => String(error));
    expect(failure).toMatch(/^SluiceError: Gate: expected `concurrency`/m);
    expect(failure).not.toContain("_SluiceError");
  });

  test("a process with wings has one SluiceError, and so one of each key", async () => {
    const program = `(async () => {
      const { SluiceError, Flow, node } = ${load("sluice")};
      const internal = ${load("sluice/internal")};
      const { RemoteError, remote } = ${load("sluice/serve")};
      const { asyncify, ThreadPool } = ${load("sluice/threads")};
      const thrown = (() => { try { asyncify(1); } catch (error) { return error; } })();
      const pool = new ThreadPool();
      await pool.close();
      const refused = await asyncify(() => 1, { pool })().catch((error) => error);
      const failed = await new Flow(remote("http://x/", { fetch: () => Promise.reject(new Error("no")), attempts: 1 }))
        .run({}).catch((error) => error);
      console.log(JSON.stringify({
        internal: internal.SluiceError === SluiceError,
        serve: Object.getPrototypeOf(RemoteError) === SluiceError,
        threads: [thrown.constructor === SluiceError, thrown.code, refused.constructor === SluiceError, refused.code],
        remote: [failed.constructor === RemoteError, failed.code],
      }));
    })();`;
    expect(await ran(`one.${extension}`, program)).toEqual({
      internal: true,
      serve: true,
      threads: [true, "INVALID_OPTION", true, "POOL_CLOSED"],
      remote: [true, "REMOTE_BROKEN"],
    });
  });
});

describe("a bundler takes only what is used, minified", () => {
  /** Bundles a program with esbuild as a user would. */
  async function bundled(contents: string): Promise<{ bytes: number; inputs: string[]; outside: string[] }> {
    const { metafile, outputFiles } = await build({
      stdin: { contents, resolveDir: packed.project },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const [output] = Object.values(metafile.outputs);
    return {
      bytes: outputFiles[0]!.contents.length,
      inputs: Object.entries(output!.inputs)
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .map(([path]) => path.replace(/^.*node_modules\//, "")),
      outside: output!.imports.map(({ path }) => path),
    };
  }

  test("isFailure alone takes under 1 kB", async () => {
    const { bytes, inputs } = await bundled('import { isFailure } from "sluice"; console.log(isFailure(1));');
    expect(bytes, inputs.join()).toBeLessThan(1_000);
  });

  test("a flow of nodes without gates takes under 51 kB", async () => {
    const { bytes, inputs } = await bundled(
      'import { Flow, Node } from "sluice"; new Flow(new Node()).run({}).then(console.log);',
    );
    process.stdout.write(`bundle of Node and Flow: ${bytes} bytes\n`);
    expect(bytes, inputs.join()).toBeLessThan(51_000);
    expect(inputs.filter((path) => /^(bottleneck|p-limit)\b/.test(path))).toEqual([]);
  });

  test("a Gate brings nothing of nodes and flows", async () => {
    const { bytes, inputs } = await bundled(
      'import { Gate } from "sluice"; new Gate({ concurrency: 2 }).run(() => 1).then(console.log);',
    );
    process.stdout.write(`bundle of Gate: ${bytes} bytes\n`);
    expect(inputs.filter((path) => path.startsWith("sluice/dist/graph"))).toEqual([]);
  });

  test("the whole core needs nothing of Node, in either format", async () => {
    const node = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
    for (const contents of ['export * from "sluice";', 'module.exports = require("sluice");']) {
      const { inputs, outside } = await bundled(contents);
      expect(outside.filter((name) => node.has(name))).toEqual([]);
      expect(inputs.some((path) => path.startsWith("sluice/dist/"))).toBe(true);
    }
  });
});
