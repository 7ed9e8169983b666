// Runs the program as a user does, and the flow with models that are never content or make things up.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createAgenticRagFlow } from "./flow.js";
import { Library } from "./library.js";
import { Llm } from "./llm.js";
import { createShared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "agentic-rag-"));
const manifests = {
  "tidy-cli": { description: "A parser of arguments", license: "MIT" },
  "@boats/dock": { description: "Moors boats", keywords: ["harbour", "quay"], license: "ISC" },
  secret: { description: "A parser of arguments that is not for you", private: true },
  broken: { description: 7 },
};
for (const [name, rest] of Object.entries(manifests)) {
  mkdirSync(join(scratch, name), { recursive: true });
  writeFileSync(join(scratch, name, "package.json"), JSON.stringify({ name, ...rest }));
}
mkdirSync(join(scratch, "empty"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("asks in other words where the first ones find nothing, and says so where none do", async () => {
    const questions = ["What reads command-line flags?", "Which harbour moors boats?", "Who tunes pianos?"];
    const { code, text } = await start(["--packages", scratch, ...questions]).ended;
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain("The library knows 2 packages.");
    const [, first, second, third] = text.split("Question: ");
    expect(first).toContain('"What reads command-line flags?" finds nothing\n    not enough');
    expect(first).toContain('"parser arguments" finds tidy-cli\n  tidy-cli: A parser of arguments.');
    expect(second?.match(/finds/g)).toHaveLength(1);
    expect(second).toContain("  @boats/dock: Moors boats.");
    expect(third?.match(/finds nothing/g)).toHaveLength(3);
    expect(third).toContain("I do not know. 3 queries found nothing on tunes pianos.");
    expect(code).toBe(0);
  });

  test("knows what is installed, and takes as many tries as it is given", async () => {
    const { code, text } = await start(["--tries", "2"]).ended;
    expect(text).toMatch(/"fuzzy search" finds .*minisearch.*\n {2}minisearch: /);
    expect(text).toContain("I do not know. 2 queries found nothing on grinds coffee");
    expect(code).toBe(0);
  });

  test("stops at once on Ctrl-C, also while the service thinks", async () => {
    let hungUp = false;
    const silent = createServer((request) => request.on("close", () => (hungUp = true))).listen(
      0,
      "127.0.0.1",
    );
    await once(silent, "listening");
    const asked = once(silent, "request");
    const OPENAI_BASE_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
    const { child, ended } = start([], { OPENAI_API_KEY: "x", OPENAI_BASE_URL });
    await asked;
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, text: expect.not.stringContaining("Error") });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await vi.waitFor(() => expect(hungUp).toBe(true));
    silent.close();
  });

  test.each<[string[], string]>([
    [["--tries", "0"], 'Expected --tries to be an integer from 1 up, got "0"'],
    [["--packages", "empty"], "Expected a folder of packages, got none in"],
    [["--package", "."], 'Expected questions, --packages <folder> and --tries <n>, got "--package ."'],
  ])("explains wrong input: %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(`error: ${message}`);
    expect(code).toBe(2);
  });
});

describe("the flow", () => {
  /** What the model says next to each kind of call; the last answer of a kind is repeated. */
  let script: Record<string, unknown[]>;
  let calls: string[];
  const mock = new LLMock({ host: "127.0.0.1", port: 0 });
  mock.on({ endpoint: "chat" }, ({ response_format }: ChatCompletionRequest) => {
    const { name } = (response_format as unknown as { json_schema: { name: string } }).json_schema;
    calls.push(name);
    const answers = script[name] ?? [];
    return { content: JSON.stringify(answers.length > 1 ? answers.shift() : answers[0]) };
  });
  let llm: Llm;
  beforeAll(async () => {
    await mock.start();
    llm = new Llm(new OpenAI({ apiKey: "none", baseURL: `${mock.url}/v1`, maxRetries: 0 }), "m");
  });
  afterAll(() => mock.stop());
  const library = new Library([
    { source: "owls", text: "Owls nest in the mill." },
    { source: "mill", text: "The mill grinds rye." },
  ]);
  const run = async (says: Record<string, unknown[]>, tries?: number) => {
    script = says;
    calls = [];
    const shared = createShared("Where do owls nest?");
    const deps = { llm, library, backoff: 1, ...(tries === undefined ? {} : { tries }) };
    const action = await createAgenticRagFlow(deps).run(shared);
    return { shared, action };
  };
  const enough = { sufficient: true, missing: "" };
  const never = { sufficient: false, missing: "a map" };

  test("a judge who is never content ends the loop by giving up, without an answer made up", async () => {
    const query = ["mill", "rye", "tower", "barn"].map((each) => ({ query: each }));
    const { shared } = await run({ verdict: [never], query }, 4);
    expect(calls).toEqual(["verdict", "query", "verdict", "query", "verdict", "query", "verdict"]);
    expect(shared.queries).toEqual(["Where do owls nest?", "mill", "rye", "tower"]);
    expect(shared.answer).toBe("I do not know. 4 queries found nothing on a map. They found: owls, mill.");
    expect(shared.sources).toEqual([]);
  });

  test("a query that was tried before is asked for again", async () => {
    const query = ["Where do owls nest?", "mill"].map((each) => ({ query: each }));
    const says = { verdict: [never, enough], query, answer: [{ answer: "There.", sources: ["mill"] }] };
    const { shared } = await run(says);
    expect(calls).toEqual(["verdict", "query", "query", "verdict", "answer"]);
    expect(shared).toMatchObject({ queries: ["Where do owls nest?", "mill"], answer: "There." });
    expect(shared.passages.map(({ source }) => source)).toEqual(["owls", "mill"]);
  });

  test("an answer that cites what was not found is asked for again, and in the end refused", async () => {
    const invented = { answer: "On the moon.", sources: ["owls", "moon"] };
    const sound = { answer: "In the mill.", sources: ["owls"] };
    const { shared } = await run({ verdict: [enough], answer: [invented, sound] });
    expect(shared).toMatchObject({ answer: "In the mill.", sources: ["owls"] });
    expect(calls).toEqual(["verdict", "answer", "answer"]);
    await expect(run({ verdict: [enough], answer: [invented] })).rejects.toThrow(
      "sources that were found, got moon",
    );
    expect(calls).toEqual(["verdict", "answer", "answer", "answer"]);
  });
});
