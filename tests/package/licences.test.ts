// Whose code is in the package: what the build has put inside is found in its output, its licences are read by
// license-checker, and THIRD-PARTY.md has the text of each.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { init, type ModuleInfos } from "license-checker-rseidelsohn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCli } from "../../cli.config.js";
import { type Packed, pack, root } from "../support/pack.js";

let packed: Packed;
let folder: string;
beforeAll(async () => {
  packed = await pack();
  folder = await mkdtemp(join(tmpdir(), "sluice-licences-"));
});
afterAll(() =>
  Promise.all([packed.folder, folder].map((path) => rm(path, { recursive: true, force: true }))),
);

/** The package that a file belongs to, as a path from the root; `undefined` for a file of ours. */
const packageOf = (file: string) => /(?:^|\/)(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];

/** The packages inside: of what is not minified the bundlers leave a comment for each file, of the rest a metafile. */
async function bundled(): Promise<string[]> {
  const found = new Set<string | undefined>();
  for (const file of packed.files.filter((file) => /^dist\/.*\.c?js$/.test(file))) {
    const text = await readFile(join(packed.project, "node_modules/sluice", file), "utf8");
    for (const [, path] of text.matchAll(/^\/\/ (\S*node_modules\/\S+)$/gm))
      found.add(packageOf(path as string));
  }
  for (const { inputs } of await buildCli(folder))
    for (const file of Object.keys(inputs)) found.add(packageOf(file));
  found.delete(undefined);
  return [...(found as Set<string>)].sort();
}

/** All that is installed here. */
const licences = () =>
  new Promise<ModuleInfos>((resolve, reject) => {
    init({ start: root }, (error, infos) => (error ? reject(error) : resolve(infos)));
  });
const squeezed = (text: string) => text.replaceAll(/\s+/g, " ").trim();

test("the code of others is under licences that allow it, and THIRD-PARTY.md names them and has their texts", async () => {
  const inside = await bundled();
  const names = inside.map((path) => path.replace("node_modules/", ""));
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const all = [...names, ...Object.keys(manifest.dependencies)];
  const infos = Object.values(await licences());
  // Other versions of the same name, which our tools bring, are not in the package.
  const ours = infos.filter(({ path }) => all.includes(relative(join(root, "node_modules"), path as string)));
  expect(ours).toHaveLength(new Set(all).size);
  expect(new Set(ours.map(({ licenses }) => licenses))).toEqual(new Set(["MIT", "BSD-3-Clause"]));

  const papers = squeezed(await readFile(join(packed.project, "node_modules/sluice/THIRD-PARTY.md"), "utf8"));
  for (const { path, licenseFile } of ours.filter(({ path }) =>
    inside.includes(relative(root, path as string)),
  )) {
    // A package without a file of its licence says it in its manifest alone, which was looked at above.
    if (/readme/i.test(licenseFile as string)) continue;
    expect(papers, path).toContain(squeezed(await readFile(licenseFile as string, "utf8")));
  }
  const linked = [...papers.matchAll(/\[([\w-]+)\]\(https:\/\/github\.com\//g)].map(([, name]) => name);
  expect(linked).toEqual(expect.arrayContaining(names.map((name) => name.split("/").at(-1))));
});
