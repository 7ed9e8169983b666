// Runs the program as a user does, and the flow with models that get calls wrong; the MCP server is always the real one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createMcpFlow } from "./flow.js";
import { type Call, Llm, type Message, type Said } from "./llm.js";
import { createShared } from "./nodes.js";
import { complaintOf, type Tool, Tools } from "./tools.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const serverFile = join(import.meta.dirname, "server.ts");
const scratch = mkdtempSync(join(tmpdir(), "mcp-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

/** The command of a server that notes which process it is. */
function noted(name: string): { server: string; isRunning: () => boolean } {
  const pidFile = join(scratch, `${name}.pid`);
  const wrapper = join(scratch, `${name}.mjs`);
  const note = `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(pidFile)}, String(process.pid));`;
  writeFileSync(wrapper, `${note}\nawait import(${JSON.stringify(pathToFileURL(serverFile).href)});\n`);
  const isRunning = () => {
    const pid = Number(readFileSync(pidFile, "utf8"));
    try {
      process.kill(pid, 0);
      // One that is dead may wait for somebody to take note of it.
      return process.platform !== "linux" || !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
    } catch {
      return false;
    }
  };
  return { server: `${process.execPath} --import ${tsx} ${wrapper}`, isRunning };
}

describe.concurrent("the program", () => {
  test("picks the tool that fits, gives it what the schema asks for, and answers with its result", async () => {
    const { server, isRunning } = noted("first");
    const { code, text } = await start([
      "--server",
      server,
      "How many inches are 2 feet?",
      "What are 5 kilometres in metres?",
      "Count the days between 2023-12-31 and 2024-12-31",
      "the largest of 12, 7 and 31.5, please, and the average",
      "Who wrote Faust?",
    ]).ended;
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain(
      'convert_length({"value":"2","from":"foot","to":"inch"})\n    refused: The arguments do not fit',
    );
    expect(text).toContain(
      'convert_length({"value":2,"from":"foot","to":"inch"})\n    → 2 foot = 24 inch\n  2 foot = 24 inch.',
    );
    expect(text).toContain("  5 kilometre = 5000 metre.");
    expect(text).toContain("  366 days from 2023-12-31 to 2024-12-31.");
    expect(text).toContain("  mean 16.833333, median 12, smallest 7, largest 31.5.");
    expect(text).toMatch(
      /Who wrote Faust\?\n {2}None of my tools is for that: convert_length, days_between, statistics\.\n$/,
    );
    expect(code).toBe(0);
    expect(isRunning()).toBe(false);
  });

  test("stops at once on Ctrl-C with its server, also while the service thinks", async () => {
    const { server, isRunning } = noted("second");
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const asked = once(silent, "request");
    const OPENAI_BASE_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
    const { child, ended } = start(["--server", server], { OPENAI_API_KEY: "x", OPENAI_BASE_URL });
    await asked;
    expect(isRunning()).toBe(true);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, text: expect.not.stringContaining("Error") });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await vi.waitFor(() => expect(isRunning()).toBe(false));
    silent.close();
  });

  test.each<[string[], string]>([
    [
      ["--server", "no-such-command"],
      'Expected --server to be the command of an MCP server, got "no-such-command"',
    ],
    [["--serve", "x"], 'Expected questions and --server <command>, got "--serve x"'],
  ])("explains wrong input: %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(`error: ${message}`);
    expect(code).toBe(2);
  });
});

describe("the flow", () => {
  let tools: Tools;
  let offered: Tool[];
  const { signal } = new AbortController();
  beforeAll(async () => {
    tools = await Tools.connect(process.execPath, ["--import", tsx, serverFile], signal);
    offered = await tools.list(signal);
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => tools.close());

  /** A model that wants one call after the other, and then repeats the last message. */
  class Script extends Llm {
    readonly given: (readonly Message[])[] = [];
    constructor(readonly calls: readonly Omit<Call, "id">[]) {
      super(new OpenAI({ apiKey: "none" }), "m");
    }
    override async ask(messages: readonly Message[]): Promise<Said> {
      this.given.push(messages);
      const call = this.calls[this.given.length - 1];
      return call
        ? { call: { id: `call-${this.given.length}`, ...call } }
        : { answer: String(messages.at(-1)?.content) };
    }
  }
  const run = async (...calls: Omit<Call, "id">[]) => {
    const llm = new Script(calls);
    const made = vi.spyOn(tools, "call");
    const shared = createShared("?");
    await createMcpFlow({ llm, tools, backoff: 1 }).run(shared, { maxSteps: 20 });
    return { shared, llm, made };
  };
  const convert = (args: unknown) => ({ name: "convert_length", arguments: JSON.stringify(args) });
  const right = convert({ value: 1, from: "mile", to: "metre" });

  test("no call that does not fit its schema reaches the server, and the model is told why", async () => {
    const { shared, llm, made } = await run(
      convert({ value: "1", from: "mile", to: "metre" }),
      convert({ value: 1, from: "mile", to: "parsec" }),
      { name: "convert_time", arguments: "{}" },
      { name: "statistics", arguments: "{numbers: [" },
      { name: "statistics", arguments: '{"numbers":[]}' },
      right,
    );
    expect(made.mock.calls.map(([name, args]) => [name, args])).toEqual([
      ["convert_length", { value: 1, from: "mile", to: "metre" }],
    ]);
    expect(shared.answer).toBe("1 mile = 1609.344 metre");
    const told = llm.given.at(-1)?.flatMap(({ role, content }) => (role === "tool" ? String(content) : []));
    expect(told).toEqual([
      expect.stringContaining("value must be number"),
      expect.stringContaining("to must be equal to one of the allowed values"),
      'There is no tool "convert_time", but convert_length, days_between, statistics.',
      expect.stringContaining("no JSON"),
      expect.stringContaining("must NOT have fewer than 1 items"),
      "1 mile = 1609.344 metre",
    ]);
  });

  test("a tool that fails says so to the model, which goes on", async () => {
    const backwards = { name: "days_between", arguments: '{"from":"2024-02-02","to":"2024-02-01"}' };
    const { shared } = await run(backwards, right);
    expect(String(shared.messages[2]?.content)).toBe("The tool failed: 2024-02-01 is before 2024-02-02");
    expect(shared.answer).toBe("1 mile = 1609.344 metre");
  });

  test("each result refers to the call that it answers", async () => {
    const { shared } = await run(right, right);
    expect(
      shared.messages.map((message) => ("tool_call_id" in message ? message.tool_call_id : message.role)),
    ).toEqual(["user", "assistant", "call-1", "assistant", "call-2"]);
  });

  test("a model that never answers is stopped by maxSteps", async () => {
    await expect(run(...Array(50).fill(right))).rejects.toMatchObject({ code: "MAX_STEPS" });
    expect(tools.call).toHaveBeenCalledTimes(6);
  });

  test("the schema that counts is the one that the server gives", () => {
    expect(complaintOf(offered, "days_between", '{"from":"2023-02-28","to":"2023-02-30"}')).toContain(
      "to must match",
    );
    expect(complaintOf(offered, "days_between", '{"from":"2023-02-28","to":"2023-03-01"}')).toBeUndefined();
  });
});
