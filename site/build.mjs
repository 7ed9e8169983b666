// Builds the site: first the reference out of the doc comments, then the pages. A warning fails the build.
// node build.mjs --serve does the same and then serves the pages while they are written.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";

const site = dirname(fileURLToPath(import.meta.url));
const root = dirname(site);
const out = join(site, "generated/api");

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entryPoints = Object.keys(exports)
  .map((name) => join(root, "src", name === "." ? "" : name, "index.ts"))
  .filter((file) => existsSync(file));

rmSync(out, { recursive: true, force: true });
const app = await Application.bootstrapWithPlugins({
  name: "Reference",
  entryPoints,
  out,
  tsconfig: join(site, "tsconfig.json"),
  plugin: ["typedoc-plugin-markdown"],
  readme: "none",
  disableSources: true,
  disableGit: true,
  excludeInternal: true,
  excludePrivate: true,
  hideGenerator: true,
  treatWarningsAsErrors: true,
  validation: { notExported: false, invalidLink: true, rewrittenLink: true, notDocumented: true },
  requiredToBeDocumented: ["Module", "Enum", "Variable", "Function", "Class", "Interface", "TypeAlias"],
  // of typedoc-plugin-markdown
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  indexFormat: "table",
});
const project = await app.convert();
if (project === undefined || app.logger.hasErrors()) process.exit(1);
app.validate(project); // an export without a description is a warning, which fails the build
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);

const vitepress = join(site, "node_modules/vitepress/bin/vitepress.js");
const verb = process.argv.includes("--serve") ? "dev" : "build";
const child = spawn(process.execPath, [vitepress, verb], { cwd: site, stdio: ["ignore", "pipe", "pipe"] });
let printed = "";
for (const [from, to] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
]) {
  from.on("data", (text) => {
    printed += text;
    to.write(text);
  });
}
child.on("close", (code) => {
  const warnings = printed.split("\n").filter((line) => /warn|\(!\)|deprecat/i.test(line));
  if (warnings.length > 0) console.error(`The site has to build without a warning:\n${warnings.join("\n")}`);
  process.exitCode = code === 0 && warnings.length === 0 ? 0 : 1;
});
