// Runs the program as a user does, and the three flows against models that the test can hold and break.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sampleEmail } from "./email.js";
import { createMixedFlow, createParallelFlow, createSequentialFlow, type EnsembleDeps } from "./flow.js";
import { Llm } from "./llm.js";
import { createShared } from "./nodes.js";
import { startService } from "./service.js";
import { MODEL, type StandIn, startStandIn } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "ensemble-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, text: () => text, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe("the program", () => {
  test("measures the sum, the slowest, and both, and goes on without a model that fails", async () => {
    const { code, text } = await start().ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using local stand-ins");
    expect(text).toMatch(/The third model is a service in process \d+ at http:\/\/127\.0\.0\.1:\d+\//);
    for (const pattern of ["sequential", "parallel", "mixed"]) {
      const [, took, should] = (new RegExp(`${pattern} +(\\d+) ms +(\\d+) ms =`).exec(text) ?? []).map(
        Number,
      );
      // What the steps do not account for is the walk, and the turns of a busy event loop.
      expect(Math.abs((took ?? Number.NaN) - (should ?? Number.NaN)), pattern).toBeLessThan(60);
    }
    const tookOf = (pattern: string) => Number(new RegExp(`${pattern} +(\\d+) ms`).exec(text)?.[1]);
    expect(tookOf("parallel")).toBeLessThan(tookOf("mixed"));
    expect(tookOf("mixed")).toBeLessThan(0.8 * tookOf("sequential"));
    expect(text).toMatch(/The service streamed [1-9]\d* candidates/);
    expect(text).toMatch(/→ \w+ +\S/);
    expect(text).toContain("× Friendly: 404 The model `no-such-model` does not exist");
  });

  test("works on an e-mail of one's own", async () => {
    const path = join(scratch, "mail.txt");
    writeFileSync(path, "Hi,\nthe harbour crane is stuck, and the harbour master wants a crane engineer.\n");
    const { code, text } = await start([path]).ended;
    expect(code).toBe(0);
    expect(text).toContain("Formal     Regarding harbour and crane");
  });

  test("stops at once on Ctrl-C, with its service", async () => {
    const { child, text, ended } = start();
    const pid = await vi.waitFor(
      () => Number(/in process (\d+)/.exec(text())?.[1] ?? expect.unreachable(text())),
      { timeout: 10_000 },
    );
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    expect((await ended).code).toBe(130);
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), 3_000);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
  });

  test("explains wrong input", async () => {
    const empty = join(scratch, "empty.txt");
    writeFileSync(empty, "\n");
    for (const [args, env, message] of [
      [["none.txt"], {}, 'error: Expected a file with an e-mail, got "none.txt": ENOENT'],
      [[empty], {}, "got an empty file"],
      [["a", "b"], {}, 'error: Expected at most one file with an e-mail, got "a b".'],
      [
        [],
        { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "nowhere" },
        "error: Expected OPENAI_BASE_URL to be a URL",
      ],
    ] as const) {
      const { code, text } = await start([...args], env).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

describe("the flows", () => {
  let standIn: StandIn;
  let service: Awaited<ReturnType<typeof startService>>;
  let deps: EnsembleDeps;
  beforeAll(async () => {
    standIn = await startStandIn();
    service = await startService(20);
    const client = new OpenAI({ apiKey: "none", baseURL: standIn.url, maxRetries: 0 });
    deps = { llm: new Llm(client, MODEL), friendly: new Llm(client, "gone"), serviceUrl: service.url };
  });
  afterAll(async () => {
    await service.close();
    await standIn.close();
  });

  test("mixed: a model that fails is told of, and the others are ranked", async () => {
    const shared = createShared(sampleEmail);
    await createMixedFlow(deps).run(shared);
    expect(shared.text).toMatch(/^since Tuesday the nightly export .* by hand\.$/);
    expect(shared.proposals.map(({ by }) => by).sort()).toEqual(["Extractor", "Formal"]);
    expect(shared.failures).toEqual([expect.stringContaining("Friendly: 404")]);
    expect(shared.proposals.map(({ by }) => by)).toContain(shared.best?.by);
  });

  test("mixed: a service that is not there is one of the failures", async () => {
    const shared = createShared(sampleEmail);
    await createMixedFlow({ ...deps, serviceUrl: "http://127.0.0.1:9/" }).run(shared);
    expect(shared.failures).toContainEqual(expect.stringMatching(/^Extractor: .+ could not be reached: /));
    expect(shared.best?.by).toBe("Formal");
  });

  test("mixed: when all models fail the ranker says so", async () => {
    const condensing = new (class extends Llm {
      override ask(...[manner]: Parameters<Llm["ask"]>) {
        return manner === "condense" ? Promise.resolve("a point") : Promise.reject(new Error("no"));
      }
    })(new OpenAI({ apiKey: "none" }), "");
    const shared = createShared(sampleEmail);
    const flow = createMixedFlow({ llm: condensing, serviceUrl: "http://127.0.0.1:9/" });
    await expect(flow.run(shared)).rejects.toThrow("None of the models proposed anything");
    expect(shared.failures).toHaveLength(3);
  });

  test("sequential and parallel end with the first failure", async () => {
    await expect(createSequentialFlow(deps).run(createShared(sampleEmail))).rejects.toThrow("404");
    const made = { text: "a text", points: "text" };
    await expect(createParallelFlow(deps).run(createShared("", made))).rejects.toThrow("404");
  });

  test("the service refuses a text that is none, with the path of the fault", async () => {
    const shared = createShared("", { text: "", points: "none" });
    await expect(createParallelFlow({ ...deps, friendly: deps.llm }).run(shared)).rejects.toMatchObject({
      code: "REMOTE_FAILED",
      status: 400,
      issues: [{ path: ["text"] }],
    });
  });
});
