// sluice studio: its server over HTTP, on a journal in a file; and the command where something is missing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Flow, node } from "sluice";
import { type Journal, openJournal } from "sluice/journal";
import { recordTrace } from "sluice/trace";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import type { Config } from "../../src/cli/load-config.js";
import type { LocalServer } from "../../src/cli/local-server.js";
import { runProgram } from "../../src/cli/program.js";
import { serveStudio } from "../../src/cli/studio/serve.js";
import { Studio } from "../../src/cli/studio/studio.js";
import { TraceFolder } from "../../src/cli/studio/trace-folder.js";
import type { StudioState } from "../../src/view/model/studio-state.js";
import { SqliteDriver } from "../../src/wings/journal/drivers/sqlite.js";
import { build, sluice } from "../support/built-cli.js";
import { removeFolder } from "../support/remove-folder.js";
import { hasSignals, isPrivate } from "../support/system.js";
import { createApprovals, createFails, createWaits } from "./modules/journaled.js";

const verdict = z.object({ ok: z.boolean(), why: z.string().optional() });
interface Draft {
  draft: string;
  verdict?: unknown;
}
const createReview = (): Flow<Draft> =>
  new Flow(
    node({
      name: "Review",
      prep: ({ draft }: Draft) => draft,
      exec: (draft, { ask }) => ask({ draft }, { schema: verdict }),
      post: (shared, _draft, given) => {
        shared.verdict = given;
      },
    }),
    { name: "Review" },
  );

const pages = {
  studio: { script: "studio()", style: "b{}" },
  run: { script: "run()", style: "i{}" },
};

let folder: string;
let path: string;
let journal: Journal;
let server: LocalServer;
let stop: AbortController;
let bench: Studio;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-studio-"));
  path = join(folder, "runs.db");
  journal = await openJournal(path);
  stop = new AbortController();
  await serve({});
});
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await bench.ended();
  await server.close();
  await journal.close();
  await removeFolder(folder);
});

async function serve({ hasConfig = true, hasJournal = true }): Promise<void> {
  await server?.close();
  const flows: [string, { flow: () => unknown; shared?: () => unknown }][] = [
    ["Review", { flow: createReview }],
    ["Approvals", { flow: createApprovals, shared: () => ({ client: { name: "a client" } }) }],
    ["Waits", { flow: createWaits }],
    ["Fails", { flow: createFails }],
  ];
  const config: Config = { path: "sluice.config.ts", folder, journal: path, flows: new Map(flows) };
  const traces = new TraceFolder(join(folder, "traces"), stop.signal);
  const { signal } = stop;
  bench = new Studio({
    opened: hasJournal ? { journal, name: "runs.db" } : undefined,
    config: hasConfig ? config : undefined,
    traces,
    drain: new AbortController().signal,
    signal,
  });
  server = await serveStudio(bench, traces, pages, 0);
}

const state = async () => (await (await fetch(`${server.url}state`)).json()) as StudioState;
async function post(action: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const { error, ...rest } = text.startsWith("{") ? JSON.parse(text) : { error: { message: text } };
  return { status: response.status, message: error?.message as string, ...rest };
}
/** Waits until a run stands as it should, by the studio's own word. */
const until = (id: string, wanted: string) =>
  vi.waitFor(
    async () => {
      const run = (await state()).runs.find((each) => each.id === id);
      expect(run?.state).toBe(wanted);
      return run as NonNullable<typeof run>;
    },
    { timeout: 15_000, interval: 5 },
  );

describe("the server", () => {
  test("starts a flow with a store, gives the schema of its question, takes the answer, and goes on to the end", async () => {
    expect(await post("start", { flow: "Review", id: "r1", store: { draft: "one" } })).toMatchObject({
      status: 200,
      id: "r1",
    });
    const [question] = (await until("r1", "suspended")).questions;
    expect(question).toMatchObject({
      question: { draft: "one" },
      path: ["Review", "Review"],
      schema: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] },
    });
    const token = question?.token as string;
    expect(await post("answer", { token, answer: { ok: true, why: "short" } })).toMatchObject({
      status: 200,
    });
    expect(await post("answer", { token, answer: 1 })).toMatchObject({
      status: 409,
      message: expect.stringContaining("(QUESTION_ANSWERED)"),
    });
    expect(await post("resume", { id: "r1" })).toMatchObject({ status: 200 });
    await until("r1", "done");
    await bench.ended();
    // Each time that it goes on has a trace of its own, with values, for its owner only.
    const { traced } = await state();
    expect(traced.map(({ id, flow, state }) => [id, flow, state]).sort()).toEqual([
      ["r1", "Review", "done"],
      ["r1", "Review", "suspended"],
    ]);
    for (const { file } of traced) {
      expect(isPrivate(join(folder, "traces", file))).toBe(true);
      expect(readFileSync(join(folder, "traces", file), "utf8")).toContain('"draft":"one"');
    }
  });

  test("gives the transient keys of the config to runs that start and go on", async () => {
    await post("start", { flow: "Approvals", id: "a", store: { drafts: ["one"] } });
    const [question] = (await until("a", "suspended")).questions;
    await post("answer", { token: question?.token, answer: "yes" });
    await post("resume", { id: "a" });
    expect((await until("a", "done")).action).toBe('a client: ["yes"]');
  });

  test("an id is made where none is given, and one that is known is not started again", async () => {
    const { id } = await post("start", { flow: "Fails" });
    await until(id, "failed");
    expect((await state()).runs[0]?.error).toMatch(/https:\/\/me:\*\*\*@vendor/);
    expect(await post("start", { flow: "Fails", id })).toEqual({
      status: 400,
      message: `Expected the id of a new run, got "${id}". There is such a run: resume it.`,
    });
  });

  test("cancels a run that goes on here, and says of one that is over that it is", async () => {
    await post("start", { flow: "Waits", id: "w", store: { file: join(folder, "never") } });
    expect((await until("w", "running")).owner).toBe(`${process.pid}@${hostname()}`);
    expect(await post("resume", { id: "w" })).toMatchObject({
      status: 409,
      message: expect.stringContaining("(RUN_IN_USE)"),
    });
    expect((await state()).traced).toMatchObject([{ id: "w", state: "running" }]);
    expect(await post("cancel", { id: "w" })).toMatchObject({ status: 200 });
    await bench.ended();
    expect((await until("w", "cancelled")).owner).toBe(undefined);
    expect(await post("cancel", { id: "w" })).toEqual({ status: 409, message: 'The run "w" is cancelled.' });
    expect(await post("cancel", { id: "ww" })).toMatchObject({
      status: 400,
      message: expect.stringContaining("Did you mean w?"),
    });
  });

  test("a run whose process is gone is interrupted; while another process runs flows it says which one", async () => {
    const driver = await SqliteDriver.open(path);
    const made = { id: "gone", flow: "Waits", version: null, graph: "", params: "[{}]", input: "" };
    await driver.claim("gone", made);
    const owner = `${process.pid}@${hostname()}`;
    const held = await state();
    expect(held.runs).toMatchObject([{ id: "gone", state: "running", owner }]);
    expect(held.blocked).toBe(
      `No run can be started or resumed here: the process ${owner} runs flows on this journal.`,
    );
    for (const [action, body] of [
      ["resume", { id: "gone" }],
      ["start", { flow: "Fails" }],
    ] as const) {
      expect(await post(action, body)).toEqual({ status: 409, message: held.blocked });
    }
    driver.close();
    const free = await state();
    expect(free.runs).toMatchObject([{ id: "gone", state: "interrupted" }]);
    expect(free.blocked).toBe(undefined);
  });

  test("without a config, or without a journal, it says what is missing", async () => {
    await post("start", { flow: "Fails", id: "f" });
    await until("f", "failed");
    await bench.ended();
    await serve({ hasConfig: false });
    expect((await state()).blocked).toContain("Expected sluice.config.ts in this folder, or --config");
    expect(await post("resume", { id: "f" })).toMatchObject({ status: 409 });
    expect(await post("cancel", { id: "f" })).toMatchObject({ status: 200 });
    await serve({ hasJournal: false });
    expect(await state()).toMatchObject({ runs: [], traced: [{ id: "f", state: "failed" }] });
    expect(await post("cancel", { id: "f" })).toMatchObject({
      status: 409,
      message: "There is no journal here.",
    });
  });

  test("each fault of a request is reported", async () => {
    const wrong: [action: string, body: unknown, status: number, message: RegExp][] = [
      ["start", "{ no", 400, /^Expected a JSON document: /],
      ["start", "[]", 400, /^Expected a JSON object$/],
      ["start", { flow: "Fails", store: [1] }, 400, /^Expected the store to be a JSON object, got /],
      ["start", { flow: "Fail" }, 400, /Did you mean Fails\?/],
      ["start", { flow: "Fails", id: "" }, 400, /^Expected `id` to be a text/],
      ["start", { flow: "Fails", store: { a: "x".repeat(8_000_000) } }, 413, /at most 8000000 bytes/],
      ["answer", { token: "none", answer: 1 }, 409, /\(QUESTION_UNKNOWN\)$/],
      ["answer", { token: "none" }, 400, /^Expected `answer`, got nothing$/],
      ["resume", {}, 400, /^Expected `id` to be a text of 1 to 1,000 letters, got undefined$/],
      ["other", {}, 404, /^There is no such action\.\n$/],
    ];
    for (const [action, body, status, message] of wrong) {
      const label = `${action} ${JSON.stringify(body).slice(0, 60)}`;
      expect(await post(action, body), label).toEqual({ status, message: expect.stringMatching(message) });
    }
    expect((await state()).runs).toEqual([]);
  });
});

describe("is safe", () => {
  /** Asks with any headers, which fetch does not allow. */
  async function raw(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
    const { hostname: to, port } = new URL(server.url);
    const asked = request({ hostname: to, port, path, headers, method }).end();
    const [response] = await once(asked, "response");
    response.resume();
    return response.statusCode;
  }

  test("a request without the token, of another host or of another origin gets nothing", async () => {
    const { host, pathname } = new URL(server.url);
    expect(await raw(pathname, { host })).toBe(200);
    expect(await raw(pathname, { host: host.replace("127.0.0.1", "localhost") })).toBe(200);
    expect(await raw(pathname, { host: "evil.example" })).toBe(403);
    expect(await raw(`${pathname}state`, { host, origin: "https://evil.example" })).toBe(403);
    expect(await raw(`${pathname}state`, { host, origin: `http://${host}` })).toBe(200);
    for (const token of ["", "x", pathname.slice(1, -2), "0".repeat(32), "%00"]) {
      for (const rest of ["", "/", "/state", "/traces/a.jsonl/events"]) {
        expect(await raw(`/${token}${rest}`, { host }), `${token}${rest}`).toBe(403);
      }
    }
    expect(await raw(pathname, { host }, "DELETE")).toBe(405);
    const cross = { "sec-fetch-site": "cross-site" };
    expect(await post("cancel", { id: "a" }, cross)).toMatchObject({ status: 403 });
    expect(await post("cancel", "id=a", { "content-type": "text/plain" })).toMatchObject({ status: 415 });
  });

  test("the page may use its own script alone, and is in no frame", async () => {
    const response = await fetch(server.url);
    const policy = response.headers.get("content-security-policy");
    expect(policy).toMatch(
      /default-src 'none'; script-src 'sha256-.*connect-src 'self'.*frame-ancestors 'none'/,
    );
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(await response.text()).toContain("<script>studio()</script>");
    const bare = await fetch(server.url.slice(0, -1), { redirect: "manual" });
    expect([bare.status, bare.headers.get("location")]).toEqual([308, new URL(server.url).pathname]);
  });

  test("only traces of the folder have a page", async () => {
    const traces = join(folder, "traces");
    mkdirSync(traces);
    writeFileSync(join(folder, "secret.jsonl"), "secret\n");
    const trace = recordTrace(join(traces, "a b.jsonl"));
    await new Flow(node({ name: "A" }), { name: "Main" }).run({}, { events: trace.events, runId: "t" });
    await trace.close();
    writeFileSync(join(traces, "other.txt"), "no trace\n");
    expect((await state()).traced).toMatchObject([{ file: "a b.jsonl", id: "t", state: "done", steps: 1 }]);
    const page = await fetch(`${server.url}traces/a%20b.jsonl/`);
    expect(await page.text()).toContain("<script>run()</script>");
    const events = await fetch(`${server.url}traces/a%20b.jsonl/events`);
    const reader = (events.body as ReadableStream<Uint8Array>).getReader();
    let got = "";
    while (!got.includes('"phase":"end"')) got += Buffer.from((await reader.read()).value ?? []).toString();
    await reader.cancel();
    for (const name of ["..%2Fsecret.jsonl", "%2e%2e/secret.jsonl", "other.txt", "none.jsonl", "%zz"]) {
      expect((await fetch(`${server.url}traces/${name}/events`)).status, name).toBe(404);
    }
  });

  test("of a trace that grows only what is new is read, and one that begins anew is read anew", async () => {
    const traces = join(folder, "traces");
    mkdirSync(traces);
    const file = join(traces, "run.jsonl");
    const line = (type: string, rest: object) =>
      `${JSON.stringify({ type, runId: "g", path: ["Main"], at: 0, ...rest })}\n`;
    const start = line("run", { phase: "start", id: 1 });
    writeFileSync(file, start);
    expect((await state()).traced).toMatchObject([{ id: "g", state: "running", steps: 0 }]);
    const step = line("step", { phase: "start", id: 2, parent: 1, path: ["Main", "A"] });
    writeFileSync(file, start + step + line("run", { phase: "end", id: 1, at: 5, outcome: "done" }));
    expect((await state()).traced).toMatchObject([{ state: "done", steps: 1, took: 5 }]);
    writeFileSync(file, start);
    expect((await state()).traced).toMatchObject([{ state: "running", steps: 0 }]);
    rmSync(file);
    expect((await state()).traced).toEqual([]);
  });
});

describe("the command", () => {
  async function inProcess(...args: string[]) {
    let [out, err] = ["", ""];
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
    const code = await runProgram(["studio", ...args], io as never);
    return { code, out, err };
  }

  test("says what is missing or wrong before it serves", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const wrong: [args: string[], message: string][] = [
      [["--config", join(folder, "none.ts")], "Expected a config, got "],
      [["--journal", join(folder, "none.db")], "There is no such file; the first run makes it."],
      [["--journal", folder], "Name a file in it."],
      [["--journal", path, "--traces", join(folder, "none")], "Expected a folder of traces, got "],
      [["--journal", path, "--traces", path], "Expected a folder of traces, got the file "],
      [["--port", "x"], 'Expected --port to be a number from 0 to 65535, got "x".'],
      [[], "Expected a journal, a config or a folder"],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await inProcess(...args);
      expect(err, args.join(" ")).toContain(message);
      expect(code).toBe(2);
    }
    const cli = await build();
    const ended = await sluice(cli, ["studio", "--journal", path, "--port", String(port)], folder);
    expect(ended).toMatchObject({ code: 2, out: "" });
    expect(ended.err).toContain(`Expected --port to be free, got ${port}, which is in use.`);
    taken.close();

    // The journal of a config is made where its first run may begin.
    writeFileSync(join(folder, "sluice.config.mjs"), "export default { journal: 'new.db', flows: {} };");
    expect((await sluice(cli, ["studio"], folder)).err).toContain("There is no such file");
    const flows = "export default { journal: 'new.db', flows: { A: () => undefined } };";
    writeFileSync(join(folder, "sluice.config.mjs"), flows);
    const child = spawn(process.execPath, [cli.main, "studio"], { cwd: folder });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const url = await vi.waitFor(
      () => /http:\/\/127\.0\.0\.1:\d+\/\w{32}\//.exec(text)?.[0] ?? expect.unreachable(text),
      { timeout: 15_000 },
    );
    expect(await (await fetch(`${url}state`)).json()).toMatchObject({
      journal: "new.db",
      flows: ["A"],
      runs: [],
    });
    expect(await (await fetch(url)).text()).toContain("<title>sluice studio</title>");
    expect(readdirSync(folder)).toContain("new.db");
    const over = once(child, "close");
    child.kill("SIGINT");
    expect((await over)[0]).toBe(hasSignals ? 0 : null);
    cli.remove();
  });
});
