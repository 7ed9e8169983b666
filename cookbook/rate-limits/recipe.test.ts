// Runs the program as a user does, and both flows against a vendor that keeps its own books.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { chart } from "./chart.js";
import { condense, createCondenseFlow, createTagFlow, tag } from "./flow.js";
import { Ledger } from "./ledger.js";
import { Llm } from "./llm.js";
import { lines, passages, type Shared } from "./nodes.js";
import { answerTo, type Storm, startStandIn } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const scratch = mkdtempSync(join(tmpdir(), "rates-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, text: () => text, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

/** Every line is another, so that no two calls ask for the same. */
const document = Array.from(
  { length: 60 },
  (_, n) =>
    `Line number ${n} says something of word${String.fromCharCode(97 + (n % 26)).repeat(n + 3)}, at length.`,
).join("\n");
writeFileSync(join(scratch, "text.md"), document);

describe.concurrent("the program", () => {
  test("answers every text, in spite of the storm, and draws every call", async () => {
    const { code, text } = await start(["text.md", "--most", "12"]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const [tags, sentences] = ["Tag", "Condense"].map((name) =>
      (new RegExp(`^  ${name} +(.+)$`, "m").exec(text)?.[1] ?? "").split(/ +/).map(Number),
    ) as [number[], number[]];
    expect(tags.slice(0, 2)).toEqual([12, 12]);
    expect(sentences.slice(0, 2)).toEqual([4, 4]);
    const refused = (tags[3] as number) + (sentences[3] as number);
    expect(refused).toBeGreaterThan(0);
    expect((tags[2] as number) + (sentences[2] as number)).toBe(16 + refused);
    expect([tags[4], sentences[4]]).toEqual([0, 0]);
    const drawn = text.slice(text.indexOf("┤"), text.indexOf("└"));
    const count = (mark: string) => drawn.split(mark).length - 1;
    expect([count("█"), count("▒"), count("×")]).toEqual([12, 4, refused]);
  });

  test("stops at once on Ctrl-C", async () => {
    const { child, ended, text } = start([]);
    await vi.waitFor(() => expect(text()).toContain("Limits: 1,800 requests"), 60_000);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
  });

  test.each([
    [
      "a limit that is none",
      ["--rpm", "0"],
      {},
      'error: Expected --rpm to be an integer from 1 up, got "0".',
    ],
    ["a file that is not there", ["none.md"], {}, 'error: Expected a text to work on, got "none.md": ENOENT'],
    [
      "a wrong URL",
      [],
      { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" },
      "error: Expected OPENAI_BASE_URL to be",
    ],
  ])("explains %s", async (_what, args, env, message) => {
    const { code, text } = await start(args, env).ended;
    expect(text).toContain(message);
    expect(code).toBe(2);
  });
});

const limits = { requests: 3_000, tokens: 600_000 };
const never: Storm = { after: Number.POSITIVE_INFINITY, lasts: 0, retryAfter: 0 };

/** Runs both flows at the same time against a vendor of its own. */
async function runBoth(storm: Storm, gates: readonly [Gate, Gate], most: number, allowed = limits) {
  const vendor = await startStandIn(allowed, storm);
  onTestFinished(vendor.close);
  const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: vendor.url, maxRetries: 0 }), "stand-in");
  const ledger = new Ledger();
  const stores = [0, 1].map((): Shared => ({ document, answers: [], errors: [] })) as [Shared, Shared];
  const actions = await Promise.all([
    createTagFlow({ llm, gate: gates[0], ledger, most }).run(stores[0]),
    createCondenseFlow({ llm, gate: gates[1], ledger, most }).run(stores[1]),
  ]);
  return { vendor, ledger, stores, actions, calls: stores.flatMap(({ texts = [] }) => texts).length };
}
const newGate = (rate = limits) => new Gate({ rate: { ...rate, per: 60_000, burst: 200 } });

describe("one account, two flows", () => {
  test("under one gate the vendor never refuses, and each text has its own answer", async () => {
    const gate = newGate();
    const { vendor, stores, actions, calls } = await runBoth(never, [gate, gate], 15);
    expect(actions).toEqual(["all", "all"]);
    expect(vendor.seen.map(({ status }) => status)).toEqual(Array(calls).fill(200));
    expect(calls).toBeGreaterThan(25);
    for (const [at, { instructions }] of [tag, condense].entries()) {
      const { texts = [], answers } = stores[at] as Shared;
      expect(answers).toEqual(texts.map((text) => answerTo(instructions, text)));
    }
  });

  test("with a gate for each flow it refuses, for together they are twice too fast", async () => {
    const few = { ...limits, requests: 900 }; // a machine that is busy can be twice as fast as that, too
    const gates = [newGate(few), newGate(few)] as const;
    const { vendor } = await runBoth({ ...never, retryAfter: 0.05 }, gates, 12, few);
    expect(vendor.seen.some(({ status }) => status === 429)).toBe(true);
  });

  test("a storm loses no call and pays none twice, and nobody knocks while the vendor asks to wait", async () => {
    const gate = newGate();
    const storm = { after: 8, lasts: 120, retryAfter: 0.2 };
    const { vendor, ledger, actions, calls } = await runBoth(storm, [gate, gate], 12);
    expect(actions).toEqual(["all", "all"]);
    const paid = vendor.seen.filter(({ status }) => status === 200);
    expect(new Set(paid.map(({ prompt }) => prompt)).size).toBe(calls);
    expect(paid).toHaveLength(calls);
    const refused = vendor.seen.length - calls;
    expect(refused).toBeGreaterThan(0);
    expect(ledger.bill()).toEqual({ sent: calls + refused, paid: calls, refused, paidTwice: 0 });
    for (const { until = 0, outcome } of ledger.calls) {
      if (outcome !== "refused") continue;
      const meanwhile = ledger.calls.filter(({ at }) => at > until && at < until + 199);
      expect(meanwhile).toEqual([]);
    }
  });
});

test("the ledger sees what was paid twice, and the busiest window", () => {
  const ledger = new Ledger();
  for (const text of [0, 1, 1]) ledger.open("Tag", text).outcome = "paid";
  ledger.open("Condense", 1).outcome = "refused";
  expect(ledger.bill()).toEqual({ sent: 4, paid: 3, refused: 1, paidTwice: 1 });
  expect(ledger.bill("Condense")).toEqual({ sent: 1, paid: 0, refused: 1, paidTwice: 0 });
  const calls = [0, 400, 900, 1_100].map((at) => ({ ...(ledger.calls[0] as Ledger["calls"][0]), at }));
  ledger.calls.splice(0, 4, ...calls);
  expect(ledger.busiest(1_000)).toBe(3);
});

test("the chart has a column for each slice of time, and the limit where it is", () => {
  const call = (at: number, flow: string, outcome: "paid" | "refused", tokens: number) => ({
    at,
    flow,
    outcome,
    tokens,
    text: 0,
  });
  const calls = [
    call(5_000, "Condense", "paid", 50),
    call(5_010, "Tag", "paid", 50),
    call(5_020, "Tag", "refused", 0),
    call(5_310, "Tag", "paid", 25),
    call(6_050, "Tag", "paid", 100),
  ];
  const drawn = chart(calls, { marks: { Tag: "#", Condense: "o" }, limit: { requests: 20, tokens: 1_000 } });
  expect(drawn.split("\n")).toEqual([
    "      ┤×",
    "   20 ┤o┄┄┄┄┄┄┄┄┄┄",
    "      ┤#  #      #",
    "    0 └───────────",
    "       0 s       1 s",
    "tokens █  ▂      █",
  ]);
});

test("a document is cut into lines that say something, and into passages that overlap", () => {
  expect(lines(`# short\n\n${"long ".repeat(10)}\n${"-".repeat(60)}`)).toEqual(["long ".repeat(10)]);
  const cut = passages(document);
  expect(cut[0]).toBe(document.slice(0, 900));
  expect(cut.at(-1)?.endsWith(document.slice(-100))).toBe(true);
  expect(passages("short")).toEqual(["short"]);
});
