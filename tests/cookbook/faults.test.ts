// Each recipe on cookbook/lib against each fault of a service, as a program: what it says, and its exit code. The table
// cookbook/FAULTS.md is what came of it.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Fault, fakeVendor } from "sluice/testing";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Answer } from "../../cookbook/stand-ins/serve.js";
import { isFull } from "../support/size.js";

/** A millisecond before another attempt, in place of half a second. */
vi.mock(import("../../cookbook/lib/model.js"), async (importOriginal) => {
  const original = await importOriginal();
  const connect: typeof original.connect = async (...args) => {
    const model = await original.connect(...args);
    return { ...model, calls: { ...model.calls, backoff: 1 as never } };
  };
  return { ...original, connect };
});

/** In place of a process for each run of the tests. */
vi.mock(import("../../cookbook/coding-agent/run-tests.js"), () => ({
  runTests: async (folder) => {
    const failed = readFileSync(join(folder, "src/till.js"), "utf8").includes("price * item.count") ? 0 : 1;
    return { passed: 1 - failed, failed, output: "" };
  },
}));

const root = fileURLToPath(new URL("../..", import.meta.url));
const recipes = readdirSync(join(root, "cookbook")).filter(
  (name) =>
    name !== "fleet-summaries" && // its calls are made by processes of their own: tests/cookbook/fleet.test.ts
    !["chat-web", "react-chat"].includes(name) && // servers: their faults are events of a stream, in their own tests
    name !== "batch-api" && // it speaks another protocol: its own test
    existsSync(join(root, "cookbook", name, `${name}.test.ts`)) &&
    existsSync(join(root, "cookbook/stand-ins", `${name}.ts`)),
);
const scratch = mkdtempSync(join(tmpdir(), "faults-"));
writeFileSync(
  join(scratch, "a.md"),
  "# Locks\n\nThe lock at Brenn was built in 1908. It has two pairs of gates.\n",
);
mkdirSync(join(scratch, "canal"));
writeFileSync(
  join(scratch, "canal/package.json"),
  '{ "name": "canal", "description": "A lock.", "license": "MIT" }',
);
afterAll(() => rmSync(scratch, { recursive: true }));

/** How a recipe is started where its defaults would not do; `START` is another number for each start. */
const args: Readonly<Record<string, string[]>> = {
  agent: ["--docs", scratch, "When was the lock built?"],
  "human-approval": ["--journal", ":memory:", "--out", join(scratch, "published"), "the summer sale"],
  "multi-agent": ["snowman", "winter"],
  "chat-memory": ["--memory", ":memory:"],
  "chat-guardrail": ["How often should I water my cactus?"],
  rag: ["--docs", scratch, "--index", ":memory:", "When was the lock built?"],
  "agentic-rag": ["--packages", scratch, "What is the licence of canal?"],
  budget: ["What is 2 plus 2?", "--budget", "100000", "--journal", ":memory:"],
  "crawl-index": ["--db", join(scratch, "site-START.db")],
  "deep-research": ["--docs", scratch, "When was the lock built?"],
  evals: ["--out", join(scratch, "evals.html")],
  "embed-batching": [`${scratch}/*.md`],
  newsletter: [
    `data:,${encodeURIComponent(`<rss version="2.0"><channel><title>A</title><item><title>Locks</title><pubDate>${new Date().toUTCString()}</pubDate><description>The lock at Brenn was built in 1908.</description></item></channel></rss>`)}`,
    "--out",
    scratch,
  ],
  "self-healing-mermaid": [join(scratch, "a.md"), "--out", join(scratch, "drawn.md")],
  "parallel-summaries": [`${scratch}/*.md`, "--out", join(scratch, "out.json"), "--fresh"],
  "parallel-translate": [join(scratch, "a.md"), "--out", join(scratch, "translations")],
  "scanned-pdfs": ["--out", join(scratch, "pages.json")],
};
const lines: Readonly<Record<string, string>> = {
  chat: "Hello\n",
  "chat-memory": "Hello\n",
  streaming: "Hello\n",
};
/** A conversation goes on after an answer that failed. */
const goesOn = new Set(["chat", "chat-memory", "slack-bot"]);

const NOT_WHOLE = /no whole answer|Expected \d+ vectors, got 0/;
type Kind = "recovers" | "denied" | "fails" | "hangs";
const faults: readonly (readonly [
  name: string,
  fault: Fault | readonly Fault[],
  kind: Kind,
  says: RegExp,
])[] = [
  ["odd chunks", "odd-chunks", "recovers", /./],
  [
    "429",
    [
      { status: 429, retryAfter: 5 },
      { status: 429, retryAfter: 5 },
    ],
    "recovers",
    /./,
  ],
  ["500 once", [500], "recovers", /./],
  ["empty once", ["null-content"], "recovers", /./],
  ["401", 401, "denied", /401 .*Check the API key/],
  ["403", 403, "denied", /403 .*Check the API key/],
  ["404", 404, "denied", /404 .*Check the model's name/],
  ["500", 500, "fails", /500/],
  ["refusal", "refusal", "fails", /The model refuses/],
  ["content filter", "content-filter", "fails", /A content filter stopped the answer/],
  ["length", "length", "fails", /The answer is cut off/],
  ["no choices", "no-choices", "fails", NOT_WHOLE],
  ["null content", "null-content", "fails", /The answer is empty/],
  ["no usage", "no-usage", "fails", /did not say how many tokens/],
  ["HTML", "html", "fails", NOT_WHOLE],
  ["disconnect", "disconnect", "fails", /error|terminated|closed|aborted/i],
  ["quota", "quota", "fails", /quota/],
  ["hang, Ctrl-C twice", "hang", "hangs", /Finishing what is in flight/],
];
/** Recipes whose answers are shown while they come: these one attempt, and what it shows is said not to be whole. */
const streams = new Set(["streaming"]);

/** Recipes that ask for embeddings alone, and the faults that embeddings do not have. */
const embeds = new Set(["crawl-index", "embed-batching"]);
const ofAnswers = new Set(["empty once", "refusal", "content filter", "length", "null content"]);

let starts = 0;
/** Runs a program in this process. */
async function start(recipe: string, fault: Fault | readonly Fault[] | undefined) {
  const { answer } = (await import(pathToFileURL(join(root, "cookbook/stand-ins", `${recipe}.ts`)).href)) as {
    answer: Answer;
  };
  const texts: string[] = [];
  const vendor = await fakeVendor({
    ...(fault !== undefined && { faults: Array.isArray(fault) ? fault : () => fault as Fault }),
    answer: (request) => {
      const given = answer(request);
      texts.push(
        typeof given === "string" ? given : JSON.stringify((given as { json?: unknown }).json ?? ""),
      );
      return given;
    },
  });
  const [argv, stdin, write] = [
    process.argv,
    Object.getOwnPropertyDescriptor(process, "stdin"),
    process.stdout.write,
  ];
  let out = "";
  let err = "";
  const log = vi
    .spyOn(console, "log")
    .mockImplementation(
      (...parts) =>
        void (out += `${parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ")}\n`),
    );
  const error = vi.spyOn(console, "error").mockImplementation((text) => void (err += `${text}\n`));
  process.stdout.write = ((text: string) => Boolean((out += text))) as typeof write;
  Object.defineProperty(process, "stdin", {
    configurable: true,
    value: Readable.from([lines[recipe] ?? ""]),
  });
  const own = (args[recipe] ?? []).map((arg) => arg.replace("START", String(starts)));
  process.argv = ["node", "main.ts", ...own];
  vi.stubEnv("OPENAI_API_KEY", "key");
  vi.stubEnv("OPENAI_BASE_URL", vendor.url);
  vi.stubEnv("MODEL_RPM", "600000");
  vi.stubEnv("MODEL_TPM", "600000000");
  const onSignal = (name: string) => process.listeners("SIGINT").at(-1)?.(name as NodeJS.Signals);
  const pressing =
    fault !== "hang" ? undefined : setInterval(() => vendor.stats().running > 0 && onSignal("SIGINT"), 20);
  try {
    await import(/* @vite-ignore */ `${join(root, "cookbook", recipe, "main.ts")}?${++starts}`);
    return { code: process.exitCode ?? 0, out, err, texts, requests: vendor.stats().requests };
  } finally {
    clearInterval(pressing);
    process.exitCode = undefined;
    process.argv = argv;
    process.stdout.write = write;
    if (stdin) Object.defineProperty(process, "stdin", stdin);
    vi.unstubAllEnvs();
    log.mockRestore();
    error.mockRestore();
    await vendor.close();
  }
}

const table = new Map<string, string[]>();
describe.each(isFull ? recipes : ["hello-flow", "structured-output"])("%s", (recipe) => {
  const cells: string[] = [];
  let whole: Awaited<ReturnType<typeof start>> | undefined; // without a fault
  table.set(recipe, cells);
  test.each(isFull ? faults : faults.slice(4, 10))("%s", async (name, fault, kind, says) => {
    if (embeds.has(recipe) && ofAnswers.has(name)) return void cells.push("–");
    if (kind === "recovers") whole ??= await start(recipe, undefined);
    const { code, out, err, texts, requests } = await start(recipe, fault);
    const said = out + err;
    if (kind === "recovers") {
      const isStopped = streams.has(recipe) && Array.isArray(fault) && typeof fault[0] !== "object";
      expect({ code, isWhole: code === whole?.code && out.length > 0 }, said).toEqual({
        code: isStopped ? 1 : 0,
        isWhole: !isStopped,
      });
      cells.push(code === 0 ? "done" : "1: says so");
      return;
    }
    expect(said).toMatch(says);
    // The second vendor is the same here.
    if (kind === "denied") expect(requests).toBe(recipe === "vendor-fallback" ? 2 : 1);
    expect(code, said).toBe(goesOn.has(recipe) && kind === "fails" ? 0 : kind === "hangs" ? 130 : 1);
    for (const text of texts) {
      const half = text.slice(0, Math.floor(text.length / 2));
      if (half.length > 20 && !streams.has(recipe)) expect(said).not.toContain(half);
    }
    cells.push(
      code === 0
        ? "says so, goes on"
        : code === 130
          ? "130"
          : kind === "denied"
            ? "1, after one call"
            : "1: says so",
    );
  });
});

test.runIf(isFull)("the table is what came of it", () => {
  const head = ["Recipe", ...faults.map(([name]) => name)];
  const rows = [
    head,
    head.map(() => "---"),
    ...[...table].map(([recipe, cells]) => [`[${recipe}](${recipe})`, ...cells]),
  ];
  const text = `# What recipes do when the service misbehaves

Made by \`tests/cookbook/faults.test.ts\`, which runs each program against \`fakeVendor()\` of \`sluice/testing\`. \`1\` is the exit
code. In no case is a refused, filtered or cut-off answer kept or shown as an answer.

${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
  const path = join(root, "cookbook/FAULTS.md");
  if (process.env.UPDATE_FAULTS) writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});
