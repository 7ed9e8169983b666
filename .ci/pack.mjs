// Makes the package as it is published: node .ci/pack.mjs [folder], after npm run build. It prints what `npm pack` prints.
//
// `npm pack` alone would ship the manifest of the repository, whose `prepare` and `workspaces` have no meaning in a package.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const destination = resolve(process.argv[2] ?? ".");
const npm = (cwd, ...args) =>
  execFileSync("npm", ["pack", "--json", "--ignore-scripts", ...args], {
    cwd,
    encoding: "utf8",
    maxBuffer: 1e7,
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "inherit"],
  });

if (!existsSync(join(root, "dist/index.js")))
  throw new Error("Expected dist/ to be built; npm run build does it");

const stage = mkdtempSync(join(tmpdir(), "sluice-pack-"));
try {
  const [{ files }] = JSON.parse(npm(root, "--dry-run"));
  for (const { path } of files) cpSync(join(root, path), join(stage, path));
  // What stays is what a user's npm reads; the rest is for work on the repository.
  const { scripts, workspaces, devDependencies, allowScripts, ...manifest } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  process.stdout.write(npm(stage, "--pack-destination", destination));
} finally {
  rmSync(stage, { recursive: true, force: true });
}
