// 9. import and size: the time that a script with nothing but the import takes over an empty one, each in a new
// process (processor time), and the bundle that esbuild makes of that import, minified and gzipped.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { median } from "../lib/timing.mjs";

export const title = "Import and size";
export const unit = "import";
export const maxRounds = 2;
export const clock = "over empty";
export const standalone = true;
export const cases = { "cold import": { target: 25, sizeTarget: 12 } };

/** What the adapters of this benchmark import of each. */
const imports = {
  sluice: 'export * from "sluice"',
  "sluice without Bottleneck": 'export * from "sluice"',
  pocketflow: 'export * from "pocketflow"',
  effect: 'export { Effect } from "effect"',
  xstate: 'export { createActor, fromPromise, setup, toPromise } from "xstate"',
  "@llamaindex/workflow-core": 'export * from "@llamaindex/workflow-core"',
  "@mastra/core": 'export { createStep, createWorkflow } from "@mastra/core/workflows"',
  "@langchain/langgraph": 'export { Annotation, END, START, StateGraph } from "@langchain/langgraph"',
  "p-limit": 'export { default } from "p-limit"',
  async: 'export { mapLimit } from "async"',
  "p-map": 'export { default } from "p-map"',
  fastq: 'export { default } from "fastq"',
  "p-queue": 'export { default } from "p-queue"',
  "p-throttle": 'export { default } from "p-throttle"',
  rxjs: 'export { from, lastValueFrom, mergeMap } from "rxjs"',
  bottleneck: 'export { default } from "bottleneck"',
  "bottleneck/light": 'export { default } from "bottleneck/light.js"',
};
const quick = new Set(["sluice without Bottleneck", "pocketflow", "effect", "p-queue"]);
export const peers = Object.fromEntries(
  Object.keys(imports)
    .filter((name) => name !== "sluice")
    .map((name) => [name, { slow: !quick.has(name) }]),
);

const here = fileURLToPath(new URL("..", import.meta.url));

/** Processor time of a whole process in ms, as it sees it at its end. */
function processTime(script) {
  const print = "const { user, system } = process.cpuUsage(); console.log('\\n' + (user + system) / 1000);";
  const args = ["--input-type=module", "-e", `${script};\n${print}`];
  const output = execFileSync(process.execPath, args, { cwd: here, encoding: "utf8", stdio: "pipe" });
  return Number(output.trim().split("\n").at(-1));
}

async function kilobytes(contents, external) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    external,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length / 1_000;
}

export async function measure(_adapter, { contestant }) {
  const contents = imports[contestant] ?? "";
  const external = contestant === "sluice without Bottleneck" ? ["bottleneck*"] : [];
  const size = contents === "" ? 0 : await kilobytes(contents, external);
  if (external.length > 0) return { kilobytes: size }; // the import itself is that of sluice
  const differences = [];
  for (let run = 0; run < 7; run++) {
    const empty = processTime("");
    differences.push(processTime(contents) - empty);
  }
  return { ms: median(differences), kilobytes: size };
}
