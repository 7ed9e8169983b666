// The public API as files to review, api/*.api.md, and the sizes of its entries, api/sizes.json, made of what
// npm run build wrote: npm run api. With --check it only says which reports are not as they are committed; the sizes are
// checked by npm run size.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const root = fileURLToPath(new URL("..", import.meta.url));
const isCheck = process.argv.includes("--check");
const reports = join(root, "api");
const temporary = mkdtempSync(join(tmpdir(), "sluice-api-"));
const none = { default: { logLevel: "none" } };

const entries = new Map(
  Object.entries(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports)
    .filter(([, target]) => typeof target === "object")
    .map(([key, target]) => [
      key === "." ? "sluice" : key.slice(2).replaceAll("/", "-"),
      join(root, target.import.types),
    ]),
);

const configs = [...entries].map(([name, types]) =>
  ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json"),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: types,
      newlineKind: "lf",
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: "esnext",
            moduleResolution: "bundler",
            target: "es2022",
            strict: true,
            skipLibCheck: true, // tests/package checks the types
            types: ["node"],
          },
          files: [types],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: reports,
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        extractorMessageReporting: none,
        tsdocMessageReporting: none,
      },
    },
  }),
);

/** Whether the report of an entry is as it was. */
function isAsItWas(config) {
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: !isCheck,
    // What it says for each report is said once, below.
    messageCallback: (message) => {
      message.handled = message.logLevel !== "error";
    },
  });
  if (errorCount > 0) process.exitCode = 1;
  return !apiReportChanged;
}

const stale = configs
  .filter((config) => !isAsItWas(config))
  .map(({ reportFilePath }) => `api/${basename(reportFilePath)}`);
const orphans = readdirSync(reports)
  .filter((file) => file.endsWith(".api.md"))
  .filter((file) => !entries.has(file.replace(".api.md", "")));
for (const file of orphans) {
  if (isCheck) stale.push(`api/${file}`);
  else rmSync(join(reports, file));
}
rmSync(temporary, { recursive: true });

if (!isCheck) {
  const binary = join(root, "node_modules/size-limit/bin.js");
  const measured = JSON.parse(
    execFileSync(process.execPath, [binary, "--json"], { cwd: root, encoding: "utf8" }),
  );
  // 1 % more, since the compressions of two Node lines differ by some bytes.
  const limits = measured.map(({ name, size }) => [name, Math.ceil((size * 1.01) / 10) * 10]);
  writeFileSync(join(reports, "sizes.json"), `${JSON.stringify(Object.fromEntries(limits), null, 2)}\n`);
}
if (stale.length > 0 && isCheck) {
  console.error(`The public API is not what these files say: ${stale.join(", ")}`);
  console.error("If the change is meant, run npm run build && npm run api, and commit what it writes.");
  process.exitCode = 1;
} else console.log(`${entries.size} entries, ${isCheck ? "as committed" : `${stale.length} changed`}`);
