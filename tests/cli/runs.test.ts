// sluice runs, as a user runs it: processes of its own on a journal in a file.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { type Journal, openJournal } from "sluice/journal";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { SqliteDriver } from "../../src/wings/journal/drivers/sqlite.js";
import { type BuiltCli, build, sluice } from "../support/built-cli.js";
import { removeFolder } from "../support/remove-folder.js";
import { createApprovals, createFails, createWaits } from "./modules/journaled.js";

const modules = join(import.meta.dirname, "modules");
const scratch = mkdtempSync(join(tmpdir(), "sluice-runs-"));
let cli: BuiltCli;
/** The URL of the flows, in JavaScript. */
let flows: string;
beforeAll(async () => {
  const built = build();
  cli = await built;
  const outfile = join(cli.folder, "journaled.mjs");
  await bundle({
    entryPoints: [join(modules, "journaled.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
  flows = pathToFileURL(outfile).href;
});
afterAll(async () => {
  cli.remove();
  await removeFolder(scratch);
});

let folders = 0;
/** A new folder with a config, and a journal in it. */
async function project() {
  const folder = mkdtempSync(join(scratch, `${++folders}-`));
  const config = join(folder, "sluice.config.mjs");
  writeFileSync(config, configOf());
  const journal = await openJournal(join(folder, "runs.db"));
  return {
    folder,
    journal,
    /** In a process of its own, in the folder. */
    run: (...args: string[]) => sluice(cli, ["runs", ...args], folder),
    /** In this process, which is faster. */
    quick: (...args: string[]) => inProcess("runs", ...args, "--config", config),
  };
}
const configOf = () => `
  import { createApprovals, createFails, createWaits } from ${JSON.stringify(flows)};
  export default {
    journal: "runs.db",
    flows: {
      Approvals: { flow: createApprovals, shared: async () => ({ client: { name: "a client" } }) },
      Waits: () => createWaits(),
      Fails: createFails,
    },
  };`;

const asked = async (journal: Journal, runId: string, drafts: string[]) => {
  await createApprovals()
    .run({ drafts }, { journal, runId, params: { lang: "en" } })
    .catch(() => {});
  return (await journal.run(runId))?.questions.map(({ token }) => token) ?? [];
};
const failed = (journal: Journal, runId: string) =>
  createFails()
    .run({}, { journal, runId })
    .catch(() => {});

/** Leaves a run as a process leaves it that is killed. */
async function leftBehind(path: string, id: string): Promise<void> {
  const driver = await SqliteDriver.open(path);
  await driver.claim(id, { id, flow: "Waits", version: null, graph: "", params: "[{}]", input: "" });
  driver.close();
}

/** The program in this process: what it prints, and its exit code. */
const inProcess = (...args: string[]) => inTerminal(undefined, ...args);
async function inTerminal(columns: number | undefined, ...args: string[]) {
  let [out, err] = ["", ""];
  const code = await runProgram(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    columns,
  });
  return { code, out, err };
}

describe("help", () => {
  test.each([[[]], [["ls"]], [["show"]], [["answer"]], [["resume"]], [["cancel"]], [["prune"]]])(
    "of sluice runs %j has usage, options and examples, on lines that fit",
    async (command) => {
      const { code, out, err } = await inProcess("runs", ...command, "--help");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain(`Usage: sluice ${["runs", ...command].join(" ")} [options]`);
      expect(out).toContain("  $ sluice runs ");
      expect(out.split("\n").filter((line) => line.length > 102)).toEqual([]);
    },
  );

  test("stands in for a command that is missing", async () => {
    const { code, out } = await inProcess("runs");
    expect(code).toBe(0);
    for (const part of ["ls", "show", "answer", "resume", "cancel", "prune", "SLUICE_JOURNAL"])
      expect(out).toContain(part);
  });

  test("of resume has the exit codes", async () => {
    expect((await inProcess("runs", "resume", "--help")).out).toMatch(/0 the run is done.* 3 it waits.*130/s);
  });
});

describe("ls", () => {
  test("lists the newest first, with what each waits for or failed with", async () => {
    const { journal, run, quick } = await project();
    await failed(journal, "r1");
    await asked(journal, "r2", ["one", "two"]);
    await journal.close();
    const { code, out, err } = await run("ls");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^ID +STATE +FLOW +STEPS +AGE +WAITS FOR \/ ERROR\n/);
    expect(out).toMatch(/\nr2 +suspended +Approvals +1 +\d+ s +2 answers: \{ draft: 'one' \}\n/);
    expect(out).toMatch(
      /\nr1 +failed +Fails +1 +\d+ s +Error: not \\x1b\[31mJSON, from https:\/\/me:\*\*\*@vendor\.example\/\n$/,
    );
    const failures = await quick("ls", "--state", "failed", "--json");
    expect(JSON.parse(failures.out)).toMatchObject([{ id: "r1", state: "failed", steps: 1, questions: 0 }]);
    const newest = await quick("ls", "--limit", "1", "--json");
    expect(JSON.parse(newest.out)).toMatchObject([{ id: "r2", flow: "Approvals", questions: 2 }]);
    expect(newest.err).toContain("more runs are older");
    const none = await quick("ls", "--state", "done");
    expect(none).toMatchObject({ code: 0, out: "" });
    expect(none.err).toMatch(/^no runs that are done in /);
  });

  test("a run whose process is gone is interrupted, and not among those that run", async () => {
    const { folder, journal, quick } = await project();
    await leftBehind(join(folder, "runs.db"), "r1");
    expect((await quick("ls")).out).toMatch(/\nr1 +interrupted +Waits /);
    expect((await quick("ls", "--state", "interrupted")).out).toContain("\nr1  interrupted");
    expect((await quick("ls", "--state", "running")).err).toMatch(/^no runs that are running in /);
    expect(JSON.parse((await quick("ls", "--json")).out)).toMatchObject([{ state: "interrupted" }]);
    expect((await quick("show", "r1")).out).toContain("\nstate    interrupted\n");
    expect(JSON.parse((await quick("show", "r1", "--json")).out)).toMatchObject({ state: "interrupted" });
    await journal.close();
  });

  test("cuts lines to the width of the terminal", async () => {
    const { journal, folder } = await project();
    await asked(journal, "a".repeat(100), ["d".repeat(100)]);
    await journal.close();
    const { out } = await inTerminal(60, "runs", "ls", "--journal", join(folder, "runs.db"));
    const [, line = ""] = out.split("\n");
    expect([...line].length).toBe(60);
    expect(line).toMatch(/^a{29}… {2}suspended {2}Approvals.*…$/);
  });
});

describe("show", () => {
  test("shows all of a run, with the tokens and places of its open questions", async () => {
    const { journal, run, quick } = await project();
    const [token = ""] = await asked(journal, "r1", ["one", "two"]);
    await journal.close();
    const { code, out, err } = await run("show", "r1");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(
      /^run {6}r1\nstate {4}suspended\nflow {5}Approvals\nsteps {4}1\nparams {3}\{ lang: 'en' \}\ncreated {2}20/,
    );
    expect(out).toContain("2 open questions\n");
    expect(out).toContain(
      `  token     ${token}\n  path      Approvals › Approve [0]\n  key       Approvals/Approve[0]\n`,
    );
    expect(out).toContain("  question  { draft: 'one' }\n");
    const json = JSON.parse((await quick("show", "r1", "--json")).out);
    expect(json).toMatchObject({ id: "r1", state: "suspended", params: { lang: "en" } });
    expect(json.questions[0]).toMatchObject({ token, path: ["Approvals", "Approve"], index: 0 });
  });
});

describe("answer and resume", () => {
  test("an answer is JSON where it parses, else text; the last lets the run end", async () => {
    const { folder, journal, run, quick } = await project();
    const [one = "", two = "", three = ""] = await asked(journal, "r1", ["one", "two", "three"]);
    await journal.close();
    expect(await run("answer", one, '{"ok":true}')).toEqual({
      code: 0,
      out: "r1: answered, 2 questions still open; resume it: sluice runs resume r1\n",
      err: "",
    });
    expect((await quick("answer", two, "not yet")).code).toBe(0);
    const again = await run("resume", "r1");
    expect(again.code).toBe(3);
    expect(again.out).toMatch(
      /^TOKEN +AT +QUESTION\n\S{32} +Approvals\/Approve\[2\] +\{ draft: 'three' \}\n$/,
    );
    expect(again.err).toBe("r1: suspended, waits for 1 answer\n");

    const child = spawn(process.execPath, [cli.main, "runs", "answer", three, "-"], { cwd: folder });
    child.stdin.end("from a pipe\n");
    expect((await once(child, "close"))[0]).toBe(0);
    const done = await run("resume", "r1");
    const action = JSON.stringify('a client: [{"ok":true},"not yet","from a pipe"]');
    expect(done).toEqual({ code: 0, out: `r1: done after 2 steps, action ${action}\n`, err: "" });
    expect(await quick("resume", "r1")).toEqual(done);
  });

  test("--json refuses what is not JSON, and a question is answered once", async () => {
    const { journal, quick } = await project();
    const [token = ""] = await asked(journal, "r1", ["one"]);
    await journal.close();
    const refused = await quick("answer", token, "yes", "--json");
    expect(refused.err).toContain('error: Expected the value to be JSON, got "yes".');
    expect(refused.code).toBe(2);
    expect((await quick("answer", token, "--json", '"yes"')).out).toMatch(/^r1: answered; resume it/);
    const second = await quick("answer", token, "no");
    expect(second.err).toBe("error: The question was answered already (QUESTION_ANSWERED)\n");
    expect(second.code).toBe(1);
    const unknown = await quick("answer", "no-such-token", "no");
    expect(unknown.err).toMatch(/^error: Expected the token of an open question in .*, got "no-such-token"/);
    expect(unknown.code).toBe(2);
  });

  test("resume shows what fails, and where", async () => {
    const { journal, quick } = await project();
    await failed(journal, "r1");
    const { code, out, err } = await quick("resume", "r1");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^error: r1 failed at Fails › Parse:\nError: not \\x1b\[31mJSON, from https:\/\/me:\*\*\*@vendor/,
    );
    expect(err).not.toContain("me:pw");
    await asked(journal, "r2", ["one"]);
    for (const { token } of await journal.questions()) await journal.answer(token, 1);
    await journal.close();
    const limited = await quick("resume", "r2", "--max-steps", "1");
    expect(limited.err).toMatch(/^error: r2.* \(MAX_STEPS\)\n$/);
    expect(await quick("resume", "r2", "--max-steps", "9")).toMatchObject({ code: 0 });
  });
});

// Windows ends a process that is sent a signal.
describe.skipIf(process.platform === "win32")("Ctrl-C while a run goes on", () => {
  test("drains it, a second one aborts it, and it can go on after either", async () => {
    const { folder, journal, run } = await project();
    const file = join(folder, "go");
    await createWaits()
      .run({ file }, { journal, runId: "r1", signal: AbortSignal.abort() })
      .catch(() => {});
    await journal.close();
    const start = (signal: NodeJS.Signals) => {
      const child = spawn(process.execPath, [cli.main, "runs", "resume", "r1"], { cwd: folder });
      let [out, err] = ["", ""];
      child.stdout.on("data", (text) => {
        out += text;
        if (String(text).includes("waits")) child.kill(signal);
      });
      child.stderr.on("data", (text) => {
        err += text;
      });
      const ended = once(child, "close").then(([code]) => ({ code, out, err }));
      const says = (text: string) => vi.waitFor(() => expect(err).toContain(text), 10_000);
      return { child, ended, says };
    };

    const drained = start("SIGINT");
    await drained.says("waits for calls in flight");
    writeFileSync(file, "");
    const { code, out, err } = await drained.ended;
    expect(err).toBe("SIGINT: waits for calls in flight; once more to abort them\n");
    expect(out).toBe("First waits\nr1: drained after 1 step\n");
    expect(code).toBe(130);

    rmSync(file);
    const aborted = start("SIGTERM");
    await aborted.says("waits for calls in flight");
    await sleep(110); // in 100 ms two are taken for one
    aborted.child.kill("SIGTERM");
    const end = await aborted.ended;
    expect(end.out).toMatch(/^Second waits\nr1: aborted after \d steps?\n$/);
    expect(end.code).toBe(143);

    writeFileSync(file, "");
    expect(await run("resume", "r1")).toMatchObject({
      code: 0,
      out: "Second waits\nr1: done after 2 steps\n",
    });
  });
});

describe("while a process has the run", () => {
  test("no other takes it, and ls and answer go on", async () => {
    const { folder, journal, run, quick } = await project();
    const [token = ""] = await asked(journal, "r0", ["one"]);
    const stop = new AbortController();
    const waits = createWaits().run(
      { file: join(folder, "go") },
      { journal, runId: "r1", signal: stop.signal },
    );
    await vi.waitFor(async () => expect(await journal.run("r1")).toMatchObject({ state: "running" }));
    const { code, out, err } = await run("resume", "r1");
    expect(err).toMatch(/^error: r1: .*another process.* \((?:JOURNAL|RUN)_IN_USE\)\n$/i);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect((await quick("ls", "--state", "running")).out).toContain("\nr1  running  Waits");
    expect((await quick("answer", token, "1")).code).toBe(0);
    stop.abort(new Error("enough"));
    await expect(waits).rejects.toThrow("enough");
    await journal.close();
  });
});

describe("cancel and prune", () => {
  test("a cancelled run is over, and goes when it is old", async () => {
    const { journal, run, quick } = await project();
    await asked(journal, "r1", ["one"]);
    await asked(journal, "r2", ["one"]);
    await journal.close();
    expect(await run("cancel", "r1")).toEqual({ code: 0, out: "r1: cancelled\n", err: "" });
    const again = await quick("cancel", "r1");
    expect(again).toEqual({
      code: 1,
      out: "",
      err: "error: r1 is over: it is cancelled, and cannot be cancelled\n",
    });
    expect((await quick("resume", "r1")).err).toMatch(/^error: r1: .*was cancelled \(RUN_CANCELLED\)\n$/);
    expect((await quick("prune", "--older-than", "7d")).out).toBe("0 runs deleted\n");
    expect(await run("prune", "--older-than", "0s")).toEqual({ code: 0, out: "1 run deleted\n", err: "" });
    expect(JSON.parse((await quick("ls", "--json")).out)).toMatchObject([{ id: "r2" }]);
  });
});

describe("wrong usage ends with 2 and says what to do", () => {
  test.each([
    [
      "lss",
      'Expected a command of sluice runs (ls, show, answer, resume, cancel, prune), got "lss". Did you mean ls?',
    ],
    ["ls --lmit 3", 'Expected an option of sluice runs ls, got "--lmit". Did you mean --limit?'],
    ["ls --limit 0", 'Expected --limit to be a positive integer, got "0".'],
    ["ls --state faled", 'Expected --state to be a state of a run, got "faled". Did you mean failed?'],
    ["show", "Expected <id>, got nothing. See sluice runs show --help."],
    ["show r7", /Expected the id of a run in .*, got "r7"\. Did you mean r1\? sluice runs ls lists them\./],
    ["answer abc", "Expected <value>, got nothing."],
    ["answer abc 1", /Expected the token of an open question in .*, got "abc"\. sluice runs show <id> has/],
    ["resume r1 --max-steps many", 'Expected --max-steps to be a positive integer, got "many".'],
    ["cancel r7", 'got "r7". Did you mean r1?'],
    ["prune", "Expected --older-than <time>, got nothing."],
    ["prune --older-than 7", 'Expected --older-than to be a number with a unit, got "7". Write 500ms, 30s,'],
    [
      "ls --journal none.db",
      'Expected a journal, got "none.db". There is no such file; the first run makes it.',
    ],
    ["ls --journal .", 'Expected a journal, got the folder ".". Name a file in it.'],
    [
      "ls --journal mysql://me:pw@host/db",
      'Expected a journal (the path of a file, or a URL of PostgreSQL), got "mysql://me:***@host/db".',
    ],
    ["ls --journal :memory:", 'got ":memory:". Name the file, or postgres://…'],
  ])("%s", async (line, message) => {
    const { quick } = await oneRun();
    const { code, out, err } = await quick(...line.split(" "));
    expect(err).toMatch(message); // a string stands for itself
    expect(err.trimEnd().split("\n").length).toBe(1);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  let made: ReturnType<typeof project> | undefined;
  /** One project for all of them. */
  async function oneRun() {
    if (made === undefined) {
      made = project();
      const { journal } = await made;
      await asked(journal, "r1", ["one"]);
      await journal.close();
    }
    return made;
  }
});

describe("which journal", () => {
  test("that of --journal, else of SLUICE_JOURNAL, else of the config, which is not read in vain", async () => {
    const [one, two] = [await project(), await project()];
    await failed(one.journal, "r1");
    await failed(two.journal, "r2");
    await Promise.all([one.journal.close(), two.journal.close()]);
    writeFileSync(join(one.folder, "sluice.config.mjs"), "broken(");
    const env = { SLUICE_JOURNAL: join(two.folder, "runs.db") };
    const ofEnvironment = await sluice(cli, ["runs", "ls"], one.folder, env);
    expect(ofEnvironment.out).toContain("\nr2 ");
    const given = await sluice(cli, ["runs", "ls", "--journal", "runs.db"], one.folder, env);
    expect(given.out).toContain("\nr1 ");
  });

  test("a driver that is not installed is named, with how to install it", async () => {
    const { journal, folder } = await project();
    await journal.close();
    const main = join(folder, "main.mjs"); // from here no package can be found
    copyFileSync(cli.main, main);
    const { code, out, err } = await sluice({ ...cli, main }, ["runs", "ls", "--journal", "runs.db"], folder);
    if (code === 0) expect(Number(process.versions.node.split(".")[0])).toBeGreaterThanOrEqual(24);
    else {
      expect(err).toMatch(/^error: .*npm install libsql.* \(MISSING_\w+\)\n$/);
      expect({ code, out }).toEqual({ code: 1, out: "" });
    }
  });

  test("a missing file and an unreachable database are reported without a stack or a password", async () => {
    const folder = mkdtempSync(join(scratch, "none-"));
    writeFileSync(
      join(folder, "notes.txt"),
      "no database at all, but long enough to be read as the header of one. ".repeat(9),
    );
    const { code, out, err } = await inProcess("runs", "ls", "--journal", join(folder, "notes.txt"));
    expect(err).toMatch(
      /^error: The journal .*notes\.txt cannot be used: it is no database; name .* \(JOURNAL_FAILED\)\n$/,
    );
    expect({ code, out }).toEqual({ code: 1, out: "" });
    const away = await inProcess("runs", "ls", "--journal", "postgres://me:hidden@127.0.0.1:1/db");
    expect(away.code).toBe(1);
    expect(away.err).not.toContain("hidden");
    expect(away.err.trimEnd().split("\n").length).toBe(1);
  });
});
