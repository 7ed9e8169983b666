// The packed core, and sluice/serve as a fetch handler, in every runtime that the README names: npm run test:runtimes, after
// npm run build. It installs Bun, Deno and edge-runtime into a folder of its own, and prints a line for each.
import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-runtimes-"));
const inFolder = (...path) => join(folder, ...path);
const current = process.versions.node.split(".")[0];
const nodes = (process.env.NODES ?? current).split(",");

/** The packages of one platform hold the bare programs; those named bun and deno would fetch them at install. */
const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`;
const denos = {
  "linux-x64": "linux-x64-glibc",
  "linux-aarch64": "linux-arm64-glibc",
  "darwin-x64": "darwin-x64",
  "darwin-aarch64": "darwin-arm64",
  "windows-x64": "win32-x64",
};
const packages = {
  bun: `@oven/bun-${platform}${platform === "linux-x64" ? "-baseline" : ""}`,
  deno: `@deno/${denos[platform]}`,
};
const versions = { bun: "1.4.5", deno: "2.9.6", "edge-runtime": "4.0.1" };
const exe = process.platform === "win32" ? ".exe" : "";
const bun = inFolder("node_modules", packages.bun, "bin", `bun${exe}`);
const deno = inFolder("node_modules", packages.deno, `deno${exe}`);

async function run(command, ...args) {
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: folder,
    maxBuffer: 1e7,
    shell: process.platform === "win32" && command === "npm",
    timeout: 120_000,
  });
  return stdout.trim();
}

/** The programs as one script for runtimes without files. */
async function bundle(contents, format) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format,
    globalName: "result",
    target: "es2022",
    external: ["node:*"],
    write: false,
  });
  return outputFiles[0].text;
}
const smokeScript = () =>
  bundle(
    'import * as sluice from "sluice"; import { smoke } from "./smoke.mjs"; export const results = () => smoke(sluice);',
    "iife",
  );

/**
 * Calls the flow behind a handler, as JSON and as Server-Sent Events, and the core beside it. The stream has no event for
 * `quiet` ms.
 */
async function served(url, quiet) {
  const post = (accept, quiet) =>
    fetch(new URL("/", url), {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify({ n: 21, quiet }),
    });
  const answer = await post("application/json");
  const json = await answer.text();
  const events = await post("text/event-stream", quiet)
    .then((stream) => stream.text())
    .catch(String);
  const core = await (await fetch(new URL("/core", url))).json();
  const named = (name) => new RegExp(`^event: ${name}$`, "m").test(events);
  const silence = quiet > 0 ? `, quiet for ${quiet / 1_000} s` : "";
  return {
    ...core,
    "serve answers with JSON":
      answer.status === 200 && /"n":42\b/.test(json) ? "" : `${answer.status} ${json}`,
    [`serve streams events${silence}`]: named("data") && /"n":42\b/.test(events) ? "" : events,
  };
}

/** Starts a server that prints its port, and calls it. */
async function servedBy(command, args, quiet = 0) {
  const server = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      if (/^\d+$/.test(line)) return await served(`http://127.0.0.1:${line}`, quiet);
    }
    throw new Error(`${command} printed no port`);
  } finally {
    server.kill();
  }
}

async function inNode(major) {
  const node =
    major === current
      ? process.execPath
      : await run("npx", "-y", "-p", `node@${major}`, "node", "-p", "process.execPath");
  return { version: await run(node, "--version"), results: JSON.parse(await run(node, "core.mjs")) };
}

async function inBun() {
  const core = JSON.parse(await run(bun, "core.mjs"));
  return {
    version: await run(bun, "--version"),
    // Bun closes a connection that was idle for 10 to 12 s; the comments of the handler keep it open.
    results: { ...core, ...(await servedBy(bun, ["serve-bun.mjs"], 14_000)) },
  };
}

async function inDeno() {
  // No rights: the core asks for none.
  const core = JSON.parse(await run(deno, "run", "--no-prompt", "--node-modules-dir=manual", "core.mjs"));
  const flags = ["--no-prompt", "--node-modules-dir=manual", "--allow-net=127.0.0.1"];
  const server = await servedBy(deno, ["run", ...flags, "serve-deno.mjs"]);
  return { version: (await run(deno, "--version")).split(" ")[1], results: { ...core, ...server } };
}

async function inChromium() {
  const executablePath = "/usr/bin/chromium";
  if (!existsSync(executablePath)) return undefined;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: await smokeScript() });
    return { version: browser.version(), results: await page.evaluate("result.results()") };
  } finally {
    await browser.close();
  }
}

async function inWorkerd() {
  const script = await bundle(
    'import { handle } from "./handler.mjs"; export default { fetch: handle };',
    "esm",
  );
  const runtime = new Miniflare({ modules: true, script, compatibilityDate: "2025-09-01" });
  try {
    const { version } = JSON.parse(readFileSync(join(root, "node_modules/workerd/package.json"), "utf8"));
    return { version, results: await served(await runtime.ready, 0) };
  } finally {
    await runtime.dispose();
  }
}

async function inEdgeRuntime() {
  const { EdgeRuntime } = await import(`file://${inFolder("node_modules/edge-runtime/dist/index.js")}`).then(
    (module) => module.default ?? module,
  );
  const runtime = new EdgeRuntime();
  runtime.evaluate(await smokeScript());
  return { version: versions["edge-runtime"], results: await runtime.evaluate("result.results()") };
}

try {
  const [{ filename }] = JSON.parse(await run(process.execPath, join(root, ".ci/pack.mjs"), folder));
  cpSync(join(root, "tests/runtimes"), folder, { recursive: true });
  writeFileSync(inFolder("package.json"), '{ "private": true, "type": "module" }\n');
  const wanted = [
    inFolder(filename),
    `${packages.bun}@${versions.bun}`,
    `${packages.deno}@${versions.deno}`,
    `edge-runtime@${versions["edge-runtime"]}`,
  ];
  await run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", ...wanted);

  const runtimes = [
    ...nodes.map((major) => [`Node ${major}`, () => inNode(major)]),
    ["Bun", inBun],
    ["Deno", inDeno],
    ["Chromium", inChromium],
    ["workerd", inWorkerd],
    ["edge-runtime", inEdgeRuntime],
  ];
  for (const [name, start] of runtimes) {
    const tried = await start().catch((error) => ({
      version: "?",
      results: { "it runs": String(error.stack) },
    }));
    if (tried === undefined) {
      console.log(`${name}: not installed, skipped`);
      if (process.env.CI) process.exitCode = 1;
      continue;
    }
    const results = Object.entries(tried.results);
    const failed = results.filter(([, why]) => why !== "");
    console.log(`${name} ${tried.version}: ${results.length - failed.length} of ${results.length}`);
    for (const [what, why] of failed) console.log(`  ${what}\n    ${why.replaceAll("\n", "\n    ")}`);
    // A runtime in which nothing was tried is no success.
    if (failed.length > 0 || results.length < 7) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
