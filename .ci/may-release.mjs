// Whether this commit may be published as a tag says: node .ci/may-release.mjs v1.2.3. It stops with a sentence for the
// first thing that is missing.
import { readdirSync, readFileSync } from "node:fs";

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const { repository, version } = JSON.parse(read("package.json"));
const [tag] = process.argv.slice(2);
const heading = read("CHANGELOG.md").match(/^## .*$/m)?.[0];
const pending = readdirSync(new URL("../.changeset/", import.meta.url)).filter((name) =>
  /^(?!README).*\.md$/.test(name),
);

const missing = [
  [
    repository === undefined,
    'package.json has no `repository`, which provenance needs: add { "type": "git", "url": … } and name owners in .github/CODEOWNERS',
  ],
  [tag !== `v${version}`, `Expected the tag to be v${version}, the version of package.json, got ${tag}`],
  [
    heading !== `## ${version}`,
    `Expected the first heading of CHANGELOG.md to be "## ${version}", got "${heading}"`,
  ],
  [
    pending.length > 0,
    `Run npx changeset version first; these are not in the changelog: ${pending.join(", ")}`,
  ],
].find(([isMissing]) => isMissing);

if (missing !== undefined) {
  console.error(missing[1]);
  process.exitCode = 1;
}
