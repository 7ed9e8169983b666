// Runs the program as a user does, on folders of the test's own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { createSiteFlow } from "./flow.js";
import { createShared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "batch-flow-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function start(...args: string[]) {
  const program = join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], { cwd: scratch });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  return { code, text };
}

let folders = 0;
/** Makes a folder of pages, and runs the flow on it as often as asked. */
function folderOf(pages: Record<string, string>) {
  const folder = join(scratch, String(folders++));
  const out = `${folder}-site`;
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  for (const [name, text] of Object.entries(pages)) write(name, text);
  const run = async () => {
    const shared = createShared(folder, out);
    await createSiteFlow().run(shared);
    return { outcomes: Object.fromEntries(shared.outcomes), broken: Object.fromEntries(shared.broken) };
  };
  const read = (name: string) => readFileSync(join(out, name), "utf8");
  return { folder, out, write, run, read };
}

describe.concurrent("the program", () => {
  test("makes a site of the pages that come with it", async () => {
    const { code, text } = await start();
    expect(text).toContain("site: 4 written\n");
    const site = join(scratch, "site");
    const pages = readdirSync(site, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".html"));
    expect(pages.sort()).toEqual(["index.html", "locks.html", "people/diary.html", "people/keeper.html"]);
    for (const page of pages) {
      const html = readFileSync(join(site, page), "utf8");
      const links = [...html.matchAll(/href="([^"#]+)/g)].map(([, link = ""]) => link);
      expect(links.length, page).toBeGreaterThan(0);
      for (const link of links)
        expect(existsSync(join(site, dirname(page), link)), `${page}: ${link}`).toBe(true);
    }
    expect(code).toBe(0);
  });

  test("tells of a link that leads nowhere", async () => {
    mkdirSync(join(scratch, "mine"));
    writeFileSync(
      join(scratch, "mine", "a.md"),
      "[b](b.md), [out](../other.md), [web](https://example.com/c.md)",
    );
    const { code, text } = await start("mine", "out");
    expect(text).toBe("  broken     a.md, for there is no b.md, ../other.md\n\nmine → out: 1 broken\n");
    expect(code).toBe(1);
  });

  test("explains wrong input", async () => {
    mkdirSync(join(scratch, "empty"));
    const runs = [
      [["gone"], 'error: Expected a folder, got "gone": ENOENT'],
      [["empty"], 'error: Expected Markdown files in "empty", got none.'],
      [["a", "b", "c"], 'error: Expected [folder] [out], got "a" "b" "c".'],
    ] as const;
    for (const [args, message] of runs) {
      const { code, text } = await start(...args);
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

test("each walk has params of its own, and ends as its page does", async () => {
  const { run, read, out } = folderOf({
    "a.md": "# A & B\n\nsee [d](sub/d%20e.md#top)",
    "b.md": "[none](none.md)",
    "sub/d e.md": "[up](../a.md)",
  });
  expect(await run()).toEqual({
    outcomes: { "a.md": "written", "b.md": "broken", "sub/d e.md": "written" },
    broken: { "b.md": ["none.md"] },
  });
  expect(read("a.html")).toContain("<title>A &amp; B</title>");
  expect(read("a.html")).toContain('<p>see <a href="sub/d%20e.html#top">d</a></p>');
  expect(read("sub/d e.html")).toContain('<a href="../a.html">up</a>');
  expect(existsSync(join(out, "b.html"))).toBe(false);
});

test("only what has changed is made again", async () => {
  const { run, write, read } = folderOf({ "a.md": "old a", "b.md": "[lost](c.md)", "d.md": "old d" });
  await run();
  const path = write("a.md", "new a");
  const later = new Date(Date.now() + 10_000);
  utimesSync(path, later, later);
  write("c.md", "here now");
  expect((await run()).outcomes).toEqual({
    "a.md": "written",
    "b.md": "written",
    "c.md": "written",
    "d.md": "unchanged",
  });
  expect(read("a.html")).toContain("<p>new a</p>");
});
