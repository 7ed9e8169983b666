// What has to be there before anything is measured: the peers and the build of sluice.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const bench = fileURLToPath(new URL("..", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const npm = (cwd, ...args) =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund"], { cwd, stdio: ["ignore", "ignore", "inherit"] });

/** Installs the peers where they are missing; they never enter the library's own dependencies. */
export function installPeers() {
  const { dependencies } = JSON.parse(readFileSync(`${bench}package.json`, "utf8"));
  const missing = Object.keys(dependencies).filter((name) => !existsSync(`${bench}node_modules/${name}`));
  if (missing.length === 0) return;
  console.error(`installing the peers (${missing.length} are missing) …`);
  npm(bench, "ci");
}

/** Builds dist/ if any source is newer. What is measured is what users get. */
export function buildSluice() {
  const changed = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
  const sources = readdirSync(`${root}src`, { recursive: true }).map((file) => changed(`${root}src/${file}`));
  if (changed(`${root}dist/index.js`) >= Math.max(...sources)) return;
  console.error("building dist/ …");
  npm(root, "run", "build", "--silent");
}

export function versions() {
  const { dependencies } = JSON.parse(readFileSync(`${bench}package.json`, "utf8"));
  const installed = Object.keys(dependencies)
    .filter((name) => !["zod", "@langchain/core", "esbuild"].includes(name))
    .map(
      (name) =>
        `${name} ${JSON.parse(readFileSync(`${bench}node_modules/${name}/package.json`, "utf8")).version}`,
    );
  const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  return [`sluice ${version}`, ...installed];
}

export function machine() {
  const [{ model }] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `Node ${process.version}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}, ${cpus().length} × ${model.trim()}, ${memory} GB`;
}
