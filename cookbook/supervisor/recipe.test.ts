// Runs the program as a user does, and the flow with workers and supervisors of every temper.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createSupervisorFlow } from "./flow.js";
import { type Desk, Llm, type Plan, type Review } from "./llm.js";
import { createShared } from "./nodes.js";
import { sampleCase } from "./sample.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "supervisor-"));
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

describe.concurrent("the program", () => {
  test("a hasty worker is sent back until its reply is right", async () => {
    const { code, text } = await start().ended;
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain("Sent back by Check: No record says");
    expect(text.match(/Sent back by Supervise: .+/g)).toEqual([
      "Sent back by Supervise: It does not answer “Will I get my money back if it is lost?” Look up: refunds.",
      "Sent back by Supervise: It does not answer “And is the warehouse open on Saturdays?” Look up: opening hours.",
    ]);
    const last = text.split("The worker writes:").at(-1);
    for (const name of ["order A-17", "refunds", "opening hours"])
      expect(last).toContain(sampleCase.records[name]);
    expect(last).not.toContain(sampleCase.records["order A-18"]);
    expect(text).toContain("Approved after 2 rejected drafts.");
    expect(code).toBe(0);
  });

  test("a letter that no record answers is handed over to a person", async () => {
    const letter = "Hello,\ndo you repair accordions?\nYours, Per";
    writeFileSync(
      join(scratch, "case.json"),
      JSON.stringify({ letter, records: { hours: "Open from 9 to 17." } }),
    );
    const { code, text } = await start(["case.json"]).ended;
    expect(text).toContain(
      "“do you repair accordions?” Say that we do not know.".replace("do you", "Hello, do you"),
    );
    expect(text.match(/The worker writes/g)).toHaveLength(4);
    expect(text).toContain("A person has to answer this letter: 4 drafts were rejected.");
    expect(code).toBe(1);
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

  writeFileSync(join(scratch, "notes.json"), '{"letter": 7}');
  test.each<[string[], string]>([
    [["gone.json"], 'Expected a file with a case, got "gone.json": ENOENT'],
    [["notes.json"], 'in "notes.json", got something else.'],
    [["--strict"], 'Expected at most one file with a case, got "--strict"'],
  ])("explains wrong input: %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toMatch(/^error: Expected/);
    expect(text).toContain(message);
    expect(code).toBe(2);
  });
});

describe("the flow", () => {
  /** A model whose answers the test computes, and whose calls it can read. */
  class FakeLlm extends Llm {
    readonly desks: Desk[] = [];
    readonly reviews: Review[] = [];
    constructor(
      readonly decide: (desk: Desk) => Plan,
      readonly draft: (desk: Desk) => string,
      readonly judge: (review: Review) => string[],
    ) {
      super(new OpenAI({ apiKey: "none" }), "m");
    }
    override async plan(desk: Desk) {
      return this.decide(desk);
    }
    override async write(desk: Desk) {
      this.desks.push(desk);
      return this.draft(desk);
    }
    override async supervise(review: Review) {
      this.reviews.push(review);
      return this.judge(review);
    }
  }
  const run = async (llm: Llm, drafts = 4) => {
    const shared = createShared(sampleCase);
    await createSupervisorFlow({ llm, drafts, backoff: 1 }).run(shared, { maxSteps: 100 });
    return shared;
  };
  const writeNow = (): Plan => ({ action: "write", record: "" });

  test("what was rejected comes back to the worker with the reasons, and what it had read", async () => {
    const llm = new FakeLlm(
      ({ read, objections }) =>
        objections.length > 0 && read.refunds === undefined
          ? { action: "look up", record: "refunds" }
          : writeNow(),
      ({ draft }) => (draft === undefined ? "You get nothing." : "You get your money back."),
      ({ draft }) => (draft.includes("nothing") ? ["Look into refunds."] : []),
    );
    const shared = await run(llm);
    expect(shared).toMatchObject({ outcome: "approved", rejected: 1, draft: "You get your money back." });
    expect(llm.desks[0]).toMatchObject({ read: {}, objections: [] });
    expect(llm.desks[1]).toMatchObject({
      read: { refunds: sampleCase.records.refunds },
      draft: "You get nothing.",
      objections: ["Look into refunds."],
    });
  });

  test("a supervisor who is never content costs four drafts, and then a person is called", async () => {
    const llm = new FakeLlm(
      writeNow,
      () => "Soon.",
      () => ["Nicer!"],
    );
    expect(await run(llm)).toMatchObject({ outcome: "handed over", rejected: 4 });
    expect(llm.desks).toHaveLength(4);
    expect(
      await run(
        new FakeLlm(
          writeNow,
          () => "Soon.",
          () => ["Nicer!"],
        ),
        1,
      ),
    ).toMatchObject({ rejected: 1 });
  });

  test("a number that no record has is found without the supervisor, whose call it saves", async () => {
    const llm = new FakeLlm(
      writeNow,
      ({ objections }) => (objections.length === 0 ? "You get 99 crowns." : "You get 84 crowns."),
      () => [],
    );
    expect(await run(llm)).toMatchObject({ outcome: "approved", rejected: 1 });
    expect(llm.desks[1]?.objections).toEqual(["No record says 99. Look up: order A-17."]);
    expect(llm.reviews.map(({ draft }) => draft)).toEqual(["You get 84 crowns."]);
  });

  test("a worker who would read for ever has to write when nothing is left to read", async () => {
    const restless = new FakeLlm(
      ({ unread }) => ({ action: "look up", record: unread[0] ?? "more" }),
      ({ read }) => Object.keys(read).join(", "),
      () => [],
    );
    expect((await run(restless)).draft).toBe("order A-17, order A-18, refunds, opening hours");
    const dreamer = new FakeLlm(
      () => ({ action: "look up", record: "the stars" }),
      () => "",
      () => [],
    );
    await expect(run(dreamer)).rejects.toThrow("Expected a record out of order A-17, order A-18, refunds");
  });
});
