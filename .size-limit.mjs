// How large each entry may be: minified, with its libraries, without sluice itself and optional peers, in brotli.
// The limits are the sizes that npm run api last wrote into api/sizes.json; with --json it only measures.
import { readFileSync } from "node:fs";

const json = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const { exports, peerDependencies } = json("package.json");
const limits = process.argv.includes("--json") ? {} : json("api/sizes.json");

const entries = Object.entries(exports)
  .filter(([, target]) => typeof target === "object")
  .map(([key, target]) => ({ name: key.replace(".", "sluice"), path: target.import.default }));
const parts = [
  { name: "Node and Flow of sluice", path: exports["."].import.default, import: "{ Node, Flow }" },
];

export default [...parts, ...entries].map((entry) => ({
  ...entry,
  ...(limits[entry.name] !== undefined && { limit: `${limits[entry.name]} B` }),
  modifyEsbuildConfig: (config) => ({
    ...config,
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["sluice", "sluice/*", "node:*", ...Object.keys(peerDependencies)],
  }),
}));
