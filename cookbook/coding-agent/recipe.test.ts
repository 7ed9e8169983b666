// Runs the program as a user does, and tries to get out of the folder in every way.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createCodingFlow } from "./flow.js";
import { type Decision, type Known, Llm } from "./llm.js";
import { createShared } from "./nodes.js";
import { Workspace } from "./workspace.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "coding-agent-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGINT");
  rmSync(scratch, { recursive: true });
});

function folderOf(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, name, path)), { recursive: true });
    writeFileSync(join(scratch, name, path), text);
  }
  return join(scratch, name);
}

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, TMPDIR: scratch, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  children.push(child);
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

const testFile = (body: string) =>
  `import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { grow } from "../src/grow.js";\n${body}\n`;
const hanging = (pidFile: string) => ({
  "src/grow.js": "export const grow = 1;\n",
  "test/hang.test.js": `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(pidFile)}, String(process.pid));\nfor (;;) {}\n`,
});
function isRunning(pidFile: string): boolean {
  try {
    const pid = Number(readFileSync(pidFile, "utf8"));
    process.kill(pid, 0);
    // One that is dead may wait for somebody to take note of it.
    return process.platform !== "linux" || !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
  } catch {
    return false;
  }
}

describe.concurrent("the program", () => {
  test("mends both faults of the project that it makes, and shows how", async () => {
    const { code, text } = await start().ended;
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain("tests   1 pass, 3 fail");
    expect(text).toContain("tests   4 pass, 0 fail\n\nAll tests pass. What was changed:\n");
    const folder = /It works in (.+) and nowhere else/.exec(text)?.[1] ?? "";
    expect(readFileSync(join(folder, "src/till.js"), "utf8")).toContain("sum + item.price * item.count");
    expect(readFileSync(join(folder, "src/rebate.js"), "utf8")).toContain(
      "if (amount >= limit) return (amount * percent) / 100",
    );
    expect(text.match(/^ {2}\+ /gm)).toHaveLength(2);
    expect(code).toBe(0);
  });

  test("leaves a project that it cannot mend as it was", async () => {
    const source = "export function grow(size) {\n  return size + 1;\n}\n";
    const folder = folderOf("odd", {
      "src/grow.js": source,
      "test/grow.test.js": testFile('test("squares", () => assert.equal(grow(9), 81));'),
    });
    const { code, text } = await start([folder]).ended;
    expect(text).toContain("No exchange of a single operator helps.");
    expect(text).toMatch(/Tests still fail\..+:\n$/);
    expect(text.match(/undo/g)).toHaveLength(2);
    expect(readFileSync(join(folder, "src/grow.js"), "utf8")).toBe(source);
    expect(code).toBe(1);
  });

  test("stops at once on Ctrl-C, and so do tests that hang", async () => {
    const pidFile = join(scratch, "pid-1");
    const { child, ended } = start([folderOf("hanging", hanging(pidFile))]);
    await vi.waitFor(() => expect(isRunning(pidFile)).toBe(true), { timeout: 30_000, interval: 10 });
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, text: expect.not.stringContaining("Error") });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await vi.waitFor(() => expect(isRunning(pidFile)).toBe(false));
  });

  test.each<[string[], string]>([
    [["nowhere"], 'Expected one folder to work in, got "nowhere"'],
    [["--steps", "-1"], "Expected a folder and --steps <n>, got"],
  ])("explains wrong input: %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(`error: ${message}`);
    expect(code).toBe(2);
  });
});

describe("the folder", () => {
  const secret = join(scratch, "outside/secret.txt");
  let workspace: Workspace;
  beforeAll(async () => {
    folderOf("outside", { "secret.txt": "the secret" });
    folderOf("inside-too", { "near.txt": "the neighbour" });
    const inside = folderOf("inside", {
      "a.txt": "one\ntwo\none\n",
      "deep/b.txt": "$& costs $1",
      ".env": "KEY=1",
      "node_modules/a/b.js": "x",
      "test/c.js": "1",
      "d.test.ts": "1",
      "contest.js": "1",
    });
    symlinkSync(secret, join(inside, "link.txt"));
    symlinkSync(dirname(secret), join(inside, "folder"));
    symlinkSync(join(scratch, "outside/new.txt"), join(inside, "dead.txt"));
    symlinkSync(join(inside, "a.txt"), join(inside, "fine.txt"));
    symlinkSync(inside, join(scratch, "inside-by-link"));
    workspace = await Workspace.open(join(scratch, "inside-by-link"));
  });

  test.each([
    ["../outside/secret.txt", "outside of the folder"],
    ["deep/../../outside/secret.txt", "outside of the folder"],
    ["../outside/none.txt", "outside of the folder"],
    ["../inside-too/near.txt", "outside of the folder"],
    [secret, "outside of the folder"],
    ["link.txt", "outside of the folder"],
    ["folder/secret.txt", "outside of the folder"],
    ["folder/../secret.txt", "There is no file"],
    ["dead.txt", "There is no file"],
    ["..", "outside of the folder"],
    ["", "outside of the folder"],
    ["deep", "is no file"],
    [".env", "is not for you"],
    ["node_modules/a/b.js", "is not for you"],
    ["a.txt\0", "There is no file"],
  ])("refuses %j, for reading and for writing", async (path, reason) => {
    await expect(workspace.read(path)).rejects.toMatchObject({
      name: "Refusal",
      message: expect.stringContaining(reason),
    });
    await expect(workspace.replace(path, "the secret", "gone")).rejects.toThrow(reason);
    expect(readFileSync(secret, "utf8")).toBe("the secret");
    expect(existsSync(join(scratch, "outside/new.txt"))).toBe(false);
  });

  test("lists, searches and reads what is inside, and nothing behind links", async () => {
    expect(await workspace.files()).toEqual(["a.txt", "contest.js", "d.test.ts", "deep/b.txt", "test/c.js"]);
    expect(await workspace.search("one")).toBe("a.txt:1: one\na.txt:3: one");
    expect(await workspace.search("secret")).toBe("No line has it.");
    expect(await workspace.read("deep/../fine.txt")).toBe("one\ntwo\none\n");
  });

  test.each(["test/c.js", "d.test.ts", "deep/../test/c.js"])(
    "does not bend the test %s to the code",
    async (path) => {
      expect(await workspace.read(path)).toBe("1");
      await expect(workspace.replace(path, "1", "2")).rejects.toThrow("mend the code");
      await workspace.replace("contest.js", "1", "1");
    },
  );

  test("replaces a text that stands there once, letter by letter", async () => {
    await expect(workspace.replace("a.txt", "one", "1")).rejects.toThrow("2 times");
    await expect(workspace.replace("a.txt", "", "1")).rejects.toThrow("0 times");
    await workspace.replace("deep/b.txt", "costs", "$& and $$");
    expect(await workspace.read("deep/b.txt")).toBe("$& $& and $$ $1");
  });
});

describe("the flow", () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A model that says one thing after the other. */
  class Script extends Llm {
    readonly known: Known[] = [];
    constructor(readonly lines: Partial<Decision>[]) {
      super(new OpenAI({ apiKey: "none" }), "m");
    }
    override async decide(known: Known): Promise<Decision> {
      this.known.push(known);
      const line = this.lines[this.known.length - 1] ?? { action: "give up" };
      return { thought: "", action: "read", path: "", find: "", replacement: "", ...line };
    }
  }
  const wrong = {
    "src/grow.js": "export const grow = (size) => size + 2;\n",
    "test/grow.test.js": testFile(
      'test("grows", () => assert.equal(grow(1), 2));\nconsole.log("key:", process.env.OPENAI_API_KEY);',
    ),
  };

  test("what is refused is told to the model, which goes on, and ends with tests that pass", async () => {
    vi.stubEnv("OPENAI_API_KEY", "sk-secret");
    const folder = folderOf("escape", wrong);
    const llm = new Script([
      { action: "read", path: "../outside/secret.txt" },
      { action: "undo" },
      { action: "patch", path: "src/grow.js", find: "no such text", replacement: "" },
      { action: "patch", path: "src/grow.js", find: "+ 2", replacement: "+ 1" },
    ]);
    const shared = createShared();
    const workspace = await Workspace.open(folder);
    expect(await createCodingFlow({ llm, workspace }).run(shared, { maxSteps: 20 })).toBe("tests pass");
    expect(llm.known).toHaveLength(4);
    expect(shared.log.map(({ action, result }) => [action, result.split("\n")[0]])).toEqual([
      ["test", "0 passed, 1 failed"],
      ["read", '"../outside/secret.txt" is outside of the folder.'],
      ["undo", "There is no patch to take back."],
      ["patch", '"src/grow.js" has that text 0 times, and it should be once.'],
      ["patch", "patched"],
      ["test", "1 passed, 0 failed"],
    ]);
    expect(llm.known[1]?.log.at(-1)?.result).toContain("outside of the folder");
    expect(shared.patches).toHaveLength(1);
    expect(shared.log[0]?.result).toContain("key: undefined");
  });

  test("tests that hang are tests that fail, and are ended", async () => {
    const pidFile = join(scratch, "pid-2");
    const workspace = await Workspace.open(folderOf("slow", hanging(pidFile)));
    const shared = createShared();
    const flow = createCodingFlow({ llm: new Script([]), workspace, testTimeout: 1_500 });
    expect(await flow.run(shared)).toBe("give up");
    expect(shared.report).toMatchObject({ failed: 1, output: expect.stringContaining("did not end") });
    expect(existsSync(pidFile)).toBe(true);
    await vi.waitFor(() => expect(isRunning(pidFile)).toBe(false));
  });

  test("a model that only reads is stopped by maxSteps", async () => {
    const llm = new Script(Array.from({ length: 100 }, () => ({ action: "read", path: "src/grow.js" })));
    const workspace = await Workspace.open(folderOf("endless", wrong));
    const run = createCodingFlow({ llm, workspace }).run(createShared(), { maxSteps: 7 });
    await expect(run).rejects.toMatchObject({ code: "MAX_STEPS" });
    expect(llm.known).toHaveLength(3);
  });
});
