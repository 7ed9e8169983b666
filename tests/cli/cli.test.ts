// The command line, run as a user runs it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordTrace } from "sluice/trace";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BuiltCli, build, sluice } from "../support/built-cli.js";
import { hasShell, hasSignals, isPrivate } from "../support/system.js";
import { batchFlow, scratch } from "../support/traced-flows.js";

const folder = scratch();
let cli: BuiltCli;
let lines: string[];
beforeAll(async () => {
  cli = await build();
  const trace = recordTrace(join(folder, "run.jsonl"));
  await batchFlow(20).run({}, { events: trace.events, runId: "r1" });
  await trace.close();
  lines = readFileSync(trace.path, "utf8").trimEnd().split("\n");
});
afterAll(() => cli.remove());

const run = (...args: string[]) => sluice(cli, args, folder);
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return name;
};

describe("help", () => {
  test.each([[[]], [["--help"]], [["-h"]]])(
    "%j shows the commands, examples and exit codes",
    async (args) => {
      const { code, out, err } = await run(...args);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const part of ["view", "trace", "graph", "Examples:", "Exit codes:"]) expect(out).toContain(part);
      expect(out.split("\n").every((line) => line.length <= 100)).toBe(true);
    },
  );

  test.each(["view", "trace", "graph"])("of %s has its options and examples", async (command) => {
    const { code, out } = await run(command, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: sluice ${command}`));
    expect(out).toContain(`$ sluice ${command}`);
    expect(out.split("\n").every((line) => line.length <= 100)).toBe(true);
  });
});

describe("what a command line has", () => {
  test.each([["--version"], ["-V"]])("%s prints the version", async (flag) => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await run(flag)).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test.each([
    [["help"], ["--help"]],
    [
      ["help", "view"],
      ["view", "--help"],
    ],
    [
      ["help", "runs", "resume"],
      ["runs", "resume", "--help"],
    ],
  ])("%j is %j", async (long, short) => {
    const [given, expected] = await Promise.all([run(...long), run(...short)]);
    expect(given).toEqual(expected);
    expect(given.out).toContain("Usage: sluice");
  });

  test("help of what is no command says so", async () => {
    expect(await run("help", "runs", "resum")).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^error: Expected a command of sluice runs \(.*\), got "resum"\. Did you mean resume\?/,
      ),
    });
  });

  test.each(["bash", "zsh", "fish"])("completion prints a script that %s can read", async (shell) => {
    const { code, out, err } = await run("completion", shell);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/sluice complete -- /);
    if (spawnSync(shell, ["--version"]).status === 0) {
      expect(spawnSync(shell, ["-n"], { input: out, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
    }
  });

  test("completion gives commands, subcommands and options, and none that is hidden", async () => {
    const names = async (...line: string[]) =>
      (await run("complete", "--", ...line)).out
        .split("\n")
        .slice(0, -2)
        .map((each) => each.split("\t")[0]);
    expect(await names("")).toEqual(expect.arrayContaining(["view", "trace", "runs", "help", "completion"]));
    expect(await names("")).not.toContain("complete");
    expect(await names("vi")).toEqual(["view"]);
    expect(await names("runs", "re")).toEqual(["resume"]);
    expect(await names("view", "--l")).toEqual(["--live"]);
    expect(await run("completion", "tcsh")).toMatchObject({
      code: 2,
      err: expect.stringContaining("error: Expected one of zsh, bash, fish"),
    });
  });
});

describe("wrong usage ends with 2 and says what to do", () => {
  test.each([
    [
      ["vew", "run.jsonl"],
      'Expected a command (view, trace, graph, runs, studio, worker, new, add, demo, help, completion), got "vew". Did you mean view?',
    ],
    [["view"], "Expected <file>, got nothing. See sluice view --help."],
    [["view", "run.jsonl", "--opn"], 'Expected an option of sluice view, got "--opn". Did you mean --open?'],
    [["trace", "run.jsonl", "more"], 'Expected no further argument, got "more".'],
    [["view", "run.jsonl", "more.jsonl"], "Expected --out with several files, got none."],
    [["view", "run.jsonl", "more.jsonl", "--live"], "Expected one file with --live, got 2 files."],
    [["view", "run.jsonl", "--out"], "Expected a value for "],
    [["view", "none.jsonl"], 'Expected a file that can be read, got "none.jsonl". There is no such file'],
    [["view", "."], 'Expected a file that can be read, got the folder ".". Name a file in it.'],
    [["view", "run.jsonl", "--out", "run.jsonl"], 'Expected --out to be another file, got "run.jsonl".'],
    [["view", "run.jsonl", "--live", "--out", "x.html"], "Expected --live without --out, got both."],
    [["view", "run.jsonl", "--port", "1"], "Expected --port with --live, got it alone."],
    [
      ["view", "run.jsonl", "--live", "--port", "80a"],
      'Expected --port to be a number from 0 to 65535, got "80a".',
    ],
    [["trace", "run.jsonl", "--out", "x"], "Expected --out with --chrome, got it alone."],
    [["graph", "none.ts"], 'Expected a module, got "none.ts". There is no such file'],
    [["graph", "run.jsonl", "--direction", "UP"], 'Expected --direction to be LR or TD, got "UP".'],
  ])("%j", async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(err).toContain(`error: ${message}`);
    expect(err.trimEnd().split("\n").length).toBe(1);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });
});

describe("view", () => {
  test("writes one page beside the trace, that holds all and asks for nothing", async () => {
    const { code, out, err } = await run("view", "run.jsonl");
    expect(out).toMatch(/^run\.html \(\d+ kB\): 1 run, 20 items, 1 failure\n$/);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const page = readFileSync(join(folder, "run.html"), "utf8");
    expect(page).toContain("default-src 'none'");
    expect(page.replace(/https?:\/\/www\.w3\.org\/[\w/]*/g, "")).not.toMatch(
      /https?:\/\/|\ssrc=|<link|@import|url\((?!#)/,
    );
  });

  test("writes one page of the runs in several files", async () => {
    const again = file("again.jsonl", lines.join("\n"));
    const { code, out, err } = await run("view", "run.jsonl", again, "--out", "both.html");
    expect({ code, out, err }).toEqual({
      code: 0,
      out: expect.stringMatching(/^both\.html \(\d+ kB\): 2 runs, 40 items, 2 failures\n$/),
      err: "",
    });
  });

  test.runIf(hasShell)("opens it", async () => {
    const opener = join(folder, "opener.mjs");
    writeFileSync(
      opener,
      `#!${process.execPath}\nimport { writeFileSync } from "node:fs"; writeFileSync("opened", process.argv[2]);`,
      { mode: 0o755 },
    );
    expect(await sluice(cli, ["view", "run.jsonl", "--open"], folder, { SLUICE_OPEN: opener })).toMatchObject(
      { code: 0, err: "" },
    );
    await vi.waitFor(
      () => expect(readFileSync(join(folder, "opened"), "utf8")).toMatch(/^file:\/\/.*run\.html$/),
      10_000,
    );
  });

  test.each(["/none", "run.jsonl"])("says that nothing can open it, such as %s", async (opener) => {
    const env = { SLUICE_OPEN: opener === "/none" ? opener : join(folder, opener) };
    const { code, err } = await sluice(cli, ["view", "run.jsonl", "--open"], folder, env);
    expect(err).toContain("warning: no browser could be started here; open file://");
    expect(code).toBe(0);
  });

  test("reports bad lines by number and uses the rest", async () => {
    const bad = [
      ...lines.slice(0, 4),
      "what?",
      ...lines.slice(4),
      '{"type":"\u001b[31mred"}',
      lines[4]?.slice(0, 30),
    ];
    const { code, out, err } = await run("view", file("bad.jsonl", bad.join("\n")));
    expect(code).toBe(0);
    expect(out).toContain("1 run, 20 items");
    expect(err).toContain('warning: bad.jsonl:5: expected a JSON object, got "what?"\n');
    expect(err).toContain("the file ends within this line, so the run is still running or has crashed");
    expect(err).toContain(`3 of ${bad.length} lines were skipped`);
    expect(err).not.toContain("\u001b");
    const many = await run("trace", file("many.jsonl", `${lines.join("\n")}\n${"no\n".repeat(50)}`));
    expect(many.err.split("\n").length).toBe(13);
    expect(many.err).toContain("and 40 more such lines");
  });

  test("a file without a run is wrong usage", async () => {
    for (const [text, got] of [
      ["", "an empty file"],
      ["a\nb\n", "2 lines without one"],
      ["{}", "1 line without one"],
    ] as const) {
      for (const command of ["view", "trace"]) {
        const { code, err } = await run(command, file("empty.jsonl", text));
        const advice = 'Record one with recordTrace of "sluice/trace".';
        expect(err).toBe(`error: Expected empty.jsonl to hold a run, got ${got}. ${advice}\n`);
        expect(code).toBe(2);
      }
    }
  });

  test("one deep line and one huge line spoil nothing else", async () => {
    const deep = 200_000;
    const data = `${"[".repeat(deep)}${"]".repeat(deep)}`;
    const emits = `{"type":"data","runId":"r1","path":["Main"],"at":1,"parent":1,"data":${data}}`;
    const id = `{"type":"step","phase":"start","runId":"r1","path":["Main"],"at":1,"id":${data}}`;
    const huge = `{"type":"data","runId":"r1","path":[],"at":1,"data":"${"x".repeat(17_000_000)}"}`;
    const all = [...lines.slice(0, 5), data, emits, huge, id, ...lines.slice(5)];
    for (const command of ["view", "trace"]) {
      const { code, out, err } = await run(command, file("deep.jsonl", all.join("\n")));
      expect([code, out]).toEqual([0, expect.stringContaining("20 items")]);
      const problems = err.split("\n").map((line) => line.replace(/^warning: deep\.jsonl:(\d+): /, "$1 "));
      expect(problems).toEqual([
        "6 expected a JSON object, got a value that is nested too deeply to be shown",
        "8 expected a line of a trace, got one of more than 16 MB",
        "9 expected `id` to be a number, got a value that is nested too deeply to be shown",
        `warning: deep.jsonl: 3 of ${all.length} lines were skipped`,
        "",
      ]);
    }
  });

  test("a file that is too large for a page or a conversion is refused before it is read", async () => {
    const path = join(folder, "huge.jsonl");
    writeFileSync(path, `${lines[0]}\n`);
    truncateSync(path, 251_000_000); // takes no room on the disk
    for (const args of [
      ["view", "huge.jsonl"],
      ["trace", "huge.jsonl", "--chrome"],
    ]) {
      const { code, err } = await run(...args);
      expect(err).toMatch(
        /^error: Expected a trace of at most 250 MB, .* got 251 MB\. sluice trace huge\.jsonl summarises /,
      );
      expect(code).toBe(2);
    }
    rmSync(path);
  });

  test("what is made of a private trace is private too", async () => {
    writeFileSync(join(folder, "private.jsonl"), lines.join("\n"), { mode: 0o600 });
    writeFileSync(join(folder, "private.html"), "old");
    expect((await run("view", "private.jsonl")).code).toBe(0);
    expect((await run("trace", "private.jsonl", "--chrome")).code).toBe(0);
    for (const name of ["private.html", "private.trace.json"]) {
      expect(isPrivate(join(folder, name)), name).toBe(true);
    }
  });

  test("a page that cannot be written is a failure", async () => {
    const { code, err } = await run("view", "run.jsonl", "--out", "none/run.html");
    expect(err).toContain("error: none/run.html could not be written (ENOENT");
    expect(code).toBe(1);
  });
});

describe("view --live", () => {
  async function start(path: string) {
    const child = spawn(process.execPath, [cli.main, "view", path, "--live"], { cwd: folder });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const ended = once(child, "close").then(([code]) => ({ code, text }));
    const url = await vi.waitFor(
      () => /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0] ?? expect.unreachable(text),
      10_000,
    );
    return { child, ended, url };
  }

  test("pushes lines as they are written, to this computer and this name only, and ends at Ctrl-C", async () => {
    const path = join(folder, "live.jsonl");
    const { child, ended, url } = await start("live.jsonl");
    const page = await fetch(url);
    expect(page.headers.get("content-security-policy")).toMatch(
      /default-src 'none'.*connect-src 'self'.*frame-ancestors 'none'/,
    );
    expect(await page.text()).toContain("data-live");
    expect((await fetch(`${url}other`)).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
    const { request } = await import("node:http");
    const elsewhere = request(url, { headers: { host: "evil.example" } }).end();
    expect((await once(elsewhere, "response"))[0].statusCode).toBe(403);

    const events = await fetch(`${url}events`);
    const reader = (events.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let got = "";
    const until = async (wanted: string) => {
      while (!got.includes(wanted)) got += (await reader.read()).value ?? expect.unreachable(got);
    };
    appendFileSync(path, `${lines[0]}\n${lines[1]}\n${lines[2]?.slice(0, 20)}`);
    await until(`data: ${lines[1]}\n`);
    expect(got).not.toContain('"phase":"start"');
    appendFileSync(path, `${lines[2]?.slice(20)}\n`);
    await until(`data: ${lines[2]}\n`);
    const id = [...got.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] as string;
    appendFileSync(path, `${lines[3]}\n`);
    await until(`data: ${lines[3]}\n`);
    const again = await fetch(`${url}events`, { headers: { "last-event-id": id } });
    const rest = (again.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let later = "";
    while (!later.includes("data:")) later += (await rest.read()).value ?? "";
    expect(later).toContain(`data: ${lines[3]}\n`);
    expect(later).not.toContain(`data: ${lines[2]}\n`);

    child.kill("SIGINT");
    expect((await ended).code).toBe(hasSignals ? 0 : null);
  });

  test("a port in use is reported", async () => {
    const { child, ended, url } = await start("run.jsonl");
    const port = new URL(url).port;
    const { code, err } = await run("view", "run.jsonl", "--live", "--port", port);
    expect(err).toContain(`error: Expected --port to be free, got ${port}, which is in use.`);
    expect(code).toBe(2);
    child.kill("SIGINT");
    await ended;
  });
});

describe("trace", () => {
  test("summarises a run", async () => {
    const { code, out } = await run("trace", "run.jsonl");
    expect(code).toBe(0);
    expect(out).toMatch(/^Main · run r1 · done · /);
    expect(out).toContain("3 steps, 20 items, 24 attempts");
    expect(out).toMatch(/ {2}Work +[\d.]+ .s {2}1 visit, 20 items, 1 failed, 2 retries/);
    expect(out).toContain("failed: Work [2]: TypeError: always");
  });

  test("--chrome writes what Perfetto opens, beside the trace, elsewhere or to the output", async () => {
    const { out } = await run("trace", "run.jsonl", "--chrome");
    expect(out).toMatch(/^run\.trace\.json: \d+ events; open it at https:\/\/ui\.perfetto\.dev\n$/);
    const { traceEvents } = JSON.parse(readFileSync(join(folder, "run.trace.json"), "utf8"));
    expect(traceEvents.length).toBeGreaterThan(60);
    const printed = await run("trace", "run.jsonl", "--chrome", "--out", "-");
    expect(JSON.parse(printed.out)).toEqual(JSON.parse(readFileSync(join(folder, "run.trace.json"), "utf8")));
  });
});

describe("graph", () => {
  const module = (name: string) => join(import.meta.dirname, "modules", name);

  test("prints the Mermaid of a .ts module's flow", async () => {
    const { code, out, err } = await run("graph", module("one.ts"), "--direction", "TD");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^flowchart TD\n/);
    expect(out).toContain("flow_Draft --> flow_Review");
    await run("graph", module("one.ts"), "--direction", "TD", "--out", "one.mmd");
    expect(readFileSync(join(folder, "one.mmd"), "utf8")).toBe(out);
  });

  test("draws each flow of several, or the one that is named, and is not held by what the module does", async () => {
    const { code, out } = await run("graph", module("two.ts"));
    expect(code).toBe(0);
    expect(out.match(/^flowchart/gm)?.length).toBe(2);
    expect(out).toContain("%% two\n");
    expect((await run("graph", module("two.ts"), "--name", "two")).out.match(/^flowchart/gm)?.length).toBe(1);
    expect((await run("graph", module("two.ts"), "--name", "tow")).err).toContain(
      'a flow, got "tow". Did you mean two?',
    );
  });

  test("without a module draws the flows of sluice.config.ts, or the one that is named", async () => {
    const inModules = (...args: string[]) =>
      sluice(cli, ["graph", ...args], join(import.meta.dirname, "modules"));
    const { code, out, err } = await inModules();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^%% Essay\nflowchart LR\n.*\n%% Waits\nflowchart LR\n/s);
    const one = await inModules("Waits");
    expect(one.out).toMatch(/^flowchart LR\n/);
    expect(one.out).toContain("flow_First --> flow_Second");
  });

  test("writes a page of it", async () => {
    const { code, out } = await run("graph", module("one.ts"), "--page");
    expect(code).toBe(0);
    expect(out).toMatch(/^one\.html \(\d+ kB\): the flow flow\n$/);
    expect(existsSync(join(folder, "one.html"))).toBe(true);
    expect((await run("graph", module("two.ts"), "--page")).err).toContain(
      "error: Expected --name of one flow for a page, got one, two. Choose one of them.",
    );
  });

  test("says what to export where there is no flow, and shows why a module cannot be loaded", async () => {
    const none = await run("graph", module("makes.ts"));
    expect(none.err).toContain(
      "to export a flow, got the exports createFlow. Call what makes one, without its dependencies: --call createFlow",
    );
    expect(none.code).toBe(2);
    const broken = await run("graph", module("broken.ts"));
    expect(broken.err).toContain("could not be loaded:\nError: at import");
    expect(broken.code).toBe(1);
  });

  test("--call draws what exported functions make", async () => {
    const made = await run("graph", module("makes.ts"), "--call");
    expect([made.code, made.err, made.out]).toEqual([0, "", expect.stringMatching(/^flowchart LR\n/)]);
    expect((await run("graph", module("makes.ts"), "--call", "createFlow")).out).toBe(made.out);
    const wrong = await run("graph", module("makes.ts"), "--call", "createFlaw");
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("Did you mean createFlow?")]);
  });

  test("without tsx a .ts module needs a Node that reads types", async () => {
    const { err } = await run("graph", file("alone.ts", "export const none: number = 1;"));
    const strips = "typescript" in process.features && process.features.typescript;
    expect(err).toContain(strips ? "to export a flow" : "Install it: npm install --save-dev tsx");
  });
});
