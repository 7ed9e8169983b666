// What a stranger gets: the packed tarball, installed in an empty project, through every door.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromMarkdown } from "mdast-util-from-markdown";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targetOf } from "../../site/pages.js";
import { compile } from "../support/compilers.js";
import { importsOf } from "../support/imports.js";
import { majors, nodeBinary, type Packed, pack, root, run } from "../support/pack.js";

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

const bin = (name: string) => join(root, "node_modules/.bin", name);
const tsx = import.meta.resolve("tsx");
const installed = (path: string) => join(packed.project, "node_modules/sluice", path);

type Markdown = ReturnType<typeof fromMarkdown> | ReturnType<typeof fromMarkdown>["children"][number];
/** What the links and images of a page name. */
const hrefsOf = (page: string): string[] => {
  const visit = (node: Markdown): string[] => [
    ...("url" in node ? [node.url] : []),
    ...("children" in node ? node.children.flatMap(visit) : []),
  ];
  return visit(fromMarkdown(page));
};

/** Every file that a condition of `exports` leads to. */
const targets = (value: unknown): string[] =>
  typeof value === "string" ? [value.replace(/^\.\//, "")] : Object.values(value as object).flatMap(targets);

describe.for(majors)("on Node %s", (major) => {
  let node: string;
  beforeAll(async () => {
    node = await nodeBinary(major);
    expect(await run(packed.project, node, "--version")).toMatch(new RegExp(`^v${major}\\.`));
  });

  test.for([
    ["runs a gated flow through import", "import.mjs"],
    ["runs a gated flow through require", "require.cjs"],
    ["runs nodes of one build in a flow of the other", "mixed.mjs"],
  ] as const)("%s", async ([, program]) => {
    // Anything on stdout or stderr would be a warning to a stranger who did nothing wrong.
    expect(await run(packed.project, node, "--trace-warnings", program)).toBe("");
  });
});

// The program in consumer/desk was written from AGENTS.md alone: who knows only that page must get this far.
test("a program written from AGENTS.md compiles under strict and runs", async () => {
  const folder = join(packed.project, "desk");
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
  };
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  expect(await compile("6.0", folder)).toBe("");
  expect(await run(folder, process.execPath, "--trace-warnings", "--import", tsx, "main.ts")).toBe(
    [
      '{"action":"default","answers":{"a":"As we know: pay by card","d":"As we know: pay by card"},"report":"2 answered, 1 unclear, 1 urgent"}',
      '{"peak":3,"refused":1}',
      "stop MAX_STEPS EachTicket\n",
    ].join("\n"),
  );
});

describe("the tarball", () => {
  test("holds what exports and bin name, and nothing built that they do not name", () => {
    const named = [...targets(packed.manifest.exports), ...targets(packed.manifest.bin)];
    expect(packed.files).toEqual(expect.arrayContaining(named));
    const built = packed.files
      .filter((file) => /^dist\/.*\.(c?js|d\.c?ts)$/.test(file))
      .filter((file) => !/^dist\/(base|observe|gate|engine|graph)\/[\w-]+\.js$/.test(file)) // modules of the core
      .filter((file) => file !== "dist/core.cjs") // the core for Node, which its entries pick from
      .filter((file) => !/^dist\/[\w-]+-[\w-]{8}\.d\.c?ts$/.test(file)) // types that entries share
      .filter((file) => !/^dist\/threads\/(thread\.cjs|call-node\.c?js)$/.test(file)) // loaded by their path, in a worker
      .filter((file) => !/^dist\/view\/(page|studio)\.js$/.test(file)); // read by the command, for its pages
    const inDist = named.filter((file) => file.startsWith("dist/"));
    expect([...new Set(inDist)].sort()).toEqual(built.sort());
  });

  test("has its papers, no sources of tests, and is small", () => {
    const papers = ["AGENTS.md", "CHANGELOG.md", "LICENSE", "README.md", "llms.txt"];
    expect(packed.files).toEqual(expect.arrayContaining(papers));
    expect(
      packed.files.filter(
        (file) =>
          !/^((dist|cookbook|docs)\/.*|bench\/[A-Z]+\.md|bench\/chart\.svg|[A-Z-]+(\.md)?|llms\.txt|package\.json)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
    expect(packed.files.filter((file) => /node_modules/.test(file))).toEqual([]);
    expect(packed.size).toBeLessThan(1_300_000);
  });

  test("has a manifest without what is for work on the repository, and brings three packages", () => {
    const own = ["scripts", "workspaces", "devDependencies", "allowScripts"];
    expect(Object.keys(packed.manifest).filter((key) => own.includes(key))).toEqual([]);
    expect(Object.keys(packed.manifest.dependencies)).toEqual(["bottleneck", "eventemitter3", "p-limit"]);
  });

  test("has what the links of its pages lead to", async () => {
    const folders = new Set(
      packed.files.flatMap((file) => file.split("/").map((_, at, all) => all.slice(0, at).join("/"))),
    );
    const pages = packed.files.filter((file) => /\.(md|txt)$/.test(file));
    const broken: string[] = [];
    for (const page of pages) {
      for (const href of hrefsOf(await readFile(installed(page), "utf8"))) {
        const target = targetOf(page, href);
        if (target === undefined || packed.files.includes(target.path) || folders.has(target.path)) continue;
        broken.push(`${page}: ${href}`);
      }
    }
    expect(broken).toEqual([]);
    expect(pages.length).toBeGreaterThan(60);
  });

  const importedBy = async (file: string) =>
    importsOf(
      ts.createSourceFile(file, await readFile(installed(file), "utf8"), ts.ScriptTarget.ES2022, true),
    );

  test("imports nothing from node:, and what is for require has p-limit inside, which is no CommonJS", async () => {
    const core = /^dist\/((base|observe|gate|engine|graph|node)\/)?[^/]*\.c?js$/;
    for (const file of packed.files.filter((file) => core.test(file))) {
      const outside = (await importedBy(file)).filter((name) => !name.startsWith("."));
      const allowed = ["bottleneck/light.js", "eventemitter3", ...(file.endsWith(".cjs") ? [] : ["p-limit"])];
      expect(allowed, file).toEqual(expect.arrayContaining(outside));
    }
  });

  test("publishes types that import nothing but what a user has", async () => {
    for (const file of packed.files.filter((file) => /\.d\.c?ts$/.test(file))) {
      const outside = (await importedBy(file)).filter((name) => !name.startsWith("."));
      const wing = file.split("/")[1] ?? "";
      const peers: Record<string, string> = { otel: "@opentelemetry/api", bullmq: "ioredis" };
      const allowed = ["eventemitter3", "sluice", peers[wing]];
      expect(allowed, file).toEqual(expect.arrayContaining(outside));
    }
  });

  test("is clean for publint", async () => {
    expect(await run(packed.folder, bin("publint"), "run", packed.tarball, "--strict")).toContain("All good");
  });

  test("is clean for attw", async () => {
    // The profile leaves out only TypeScript's "node10" resolution, which knows no exports map.
    const args = [packed.tarball, "--profile", "node16", "--no-emoji", "--format", "ascii"];
    // It fails on any problem; about a sub-path it says that "node10" would have one, and that it was ignored.
    expect(await run(packed.folder, bin("attw"), ...args)).not.toMatch(/^ *(node16|bundler).*: (?!OK)/m);
  });
});
