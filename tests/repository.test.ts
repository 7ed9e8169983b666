// What the hosted workflows promise, and what holds a release back.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { read, root, sources } from "./support/sources.js";

const folder = ".github/workflows";
const workflows = (await readdir(join(root, folder))).map(
  (file) => [file, read(`${folder}/${file}`)] as const,
);

test.each(workflows)(
  "%s pins each action to a commit, keeps no credentials and may read alone",
  (_file, text) => {
    const uses = [...text.matchAll(/^\s*- uses: (.*)$/gm)].map(([, action]) => action as string);
    expect(uses.length).toBeGreaterThan(0);
    expect(
      uses.filter((action) => !/^[\w-]+(\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action)),
    ).toEqual([]);
    const checkouts = uses.filter((action) => action.startsWith("actions/checkout@"));
    expect(text.match(/^ +persist-credentials: false$/gm)).toHaveLength(checkouts.length);
    expect(text).toMatch(/^permissions:\n {2}contents: read\n$/m);
  },
);

test("every action is pinned to one commit in all workflows", () => {
  const uses = workflows.flatMap(([, text]) => text.match(/actions\/[\w-]+@.*$/gm) ?? []);
  const names = new Set(uses.map((action) => action.split("@")[0]));
  expect(new Set(uses).size).toBe(names.size);
});

test("a release stops with a sentence for the first thing that is missing", async () => {
  const copy = await mkdtemp(join(tmpdir(), "sluice-release-"));
  const script = join(copy, ".ci/may-release.mjs");
  const stops = (tag: string) =>
    promisify(execFile)(process.execPath, [script, tag]).then(
      () => "published",
      (error) => error.stderr as string,
    );
  try {
    for (const path of [".ci/may-release.mjs", ".changeset", "package.json", "CHANGELOG.md"]) {
      await cp(join(root, path), join(copy, path), { recursive: true });
    }
    const manifest = JSON.parse(await readFile(join(copy, "package.json"), "utf8"));
    const { repository: _, ...unowned } = manifest;
    await writeFile(join(copy, "package.json"), JSON.stringify(unowned));
    expect(await stops("v1.0.0")).toContain("package.json has no `repository`");
    const owned = {
      ...manifest,
      version: "1.0.0",
      repository: { type: "git", url: "git+https://example.com/a/b.git" },
    };
    await writeFile(join(copy, "package.json"), JSON.stringify(owned));
    expect(await stops("v1.0.1")).toContain("Expected the tag to be v1.0.0");
    await writeFile(join(copy, "CHANGELOG.md"), "# sluice\n\n## 1.0.0 (unreleased)\n");
    expect(await stops("v1.0.0")).toContain('Expected the first heading of CHANGELOG.md to be "## 1.0.0"');
    await writeFile(join(copy, "CHANGELOG.md"), "# sluice\n\n## 1.0.0\n");
    await writeFile(join(copy, ".changeset/brave-gates.md"), "---\nsluice: patch\n---\n\nA change\n");
    expect(await stops("v1.0.0")).toContain("brave-gates.md");
    await rm(join(copy, ".changeset/brave-gates.md"));
    expect(await stops("v1.0.0")).toBe("published");
  } finally {
    await rm(copy, { recursive: true });
  }
});

test("the table of decisions is that of the pages; node .ci/decisions-table.mjs makes it", async () => {
  await promisify(execFile)(process.execPath, [".ci/decisions-table.mjs", "--check"], { cwd: root });
});

test("the pages that name the size of the core name its lines of code, to a seventh", () => {
  const core = [...sources.values()].filter(({ room }) => /^(base|observe|gate|engine|graph)$/.test(room));
  const lines = core
    .flatMap(({ tree }) => tree.text.split("\n"))
    .filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line));
  for (const [page, figure] of [
    ["README.md", /Code to read \| ([\d,]+) lines/],
    ["docs/coming-from-pocketflow.md", /\[core\]\(architecture\.md\) has ([\d,]+)/],
  ] as const) {
    const named = Number(figure.exec(read(page))?.[1]?.replace(",", ""));
    expect(Math.abs(named / lines.length - 1), `${page}: ${named}, and it is ${lines.length}`).toBeLessThan(
      1 / 7,
    );
  }
});

test("README.md opens with a sentence, a picture, the install, a program of 20 lines at most, and two commands", () => {
  const blocks = read("README.md")
    .split("## ", 1)[0]!
    .split(/\n\n(?=[!A-Z`])/);
  const kinds = blocks.map((block) => /^(#|!\[|```\w*|[A-Z])/.exec(block)?.[0].replace(/^[A-Z]$/, "text"));
  expect(kinds).toEqual(["#", "text", "![", "```sh", "```ts", "text", "text", "```sh"]);
  expect(blocks[3]).toContain("npm install sluice\n");
  expect(blocks[4]!.split("\n").length - 2).toBeLessThanOrEqual(20);
  expect(blocks[4]).toContain("chat.completions.create");
  expect(blocks[7]!.match(/^npm/gm)).toHaveLength(2);
});

test("the figures of the site's home are those of bench/RESULTS.md", () => {
  const results = read("bench/RESULTS.md");
  const figures = [...read("site/home.md").matchAll(/<b>([^<]+)<\/b>/g)].map(
    ([, figure]) => figure as string,
  );
  expect(figures.length).toBeGreaterThanOrEqual(3);
  expect(figures.filter((figure) => !results.includes(figure))).toEqual([]);
});

test("no file has the marks of an unfinished merge", async () => {
  const folders = [".", ".ci", ".github", "api", "bench", "cookbook", "docs", "site", "src", "tests"];
  const marked: string[] = [];
  let looked = 0;
  for (const folder of folders) {
    const files = await readdir(join(root, folder), { recursive: folder !== ".", withFileTypes: true });
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      if (
        !file.isFile() ||
        path.includes("node_modules") ||
        !/\.(c?[jt]sx?|mjs|md|json|ya?ml|css|html)$/.test(path)
      )
        continue;
      looked++;
      if (/^(<{7}|>{7}) /m.test(await readFile(path, "utf8"))) marked.push(path);
    }
  }
  expect(looked).toBeGreaterThan(500);
  expect(marked).toEqual([]);
});
