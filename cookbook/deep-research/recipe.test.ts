// Runs the program as a user does, and the flow with a model that the test has in hand.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { afterAll, describe, expect, test } from "vitest";
import { type Corpus, type Passage, passagesOf, readCorpus } from "./corpus.js";
import { createResearchFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm, type Notes } from "./llm.js";
import { createShared, type Finding, type Limits } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "deep-research-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

/** A folder of notes about sluices, and one page about something else. */
function docs(): string {
  const folder = join(scratch, "docs");
  mkdirSync(folder, { recursive: true });
  const page = (name: string, ...sections: string[]) =>
    writeFileSync(
      join(folder, name),
      `# ${name}\n\n${sections.map((text) => `## On ${text}`).join("\n\n")}\n`,
    );
  page("gates.md", "gates\nA sluice gate holds the water of a canal back until it is raised by hand.");
  page("canal.md", "water\nThe water of a canal is held by sluice gates, one at each end of a lock chamber.");
  page("mill.md", "wheels\nA mill takes water from above the sluice gate, so that its wheel turns all year.");
  page("bread.md", "dough\nDough is left to rise for two hours before it is folded for the first time.");
  return folder;
}

describe.concurrent("the program", () => {
  test("researches a question and those that follow, and cites passages that say so", async () => {
    const { code, text } = await start([
      "What holds the water at a sluice gate?",
      "--docs",
      docs(),
      "--depth",
      "2",
    ]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const asked = [...text.matchAll(/^ +([\d.]+) (.+\?) \(\d sources?\)$/gm)].map(([, place]) => place);
    expect(asked[0]).toBe("1");
    expect(asked.slice(1).sort()).toEqual(["1.1", "1.2", "1.3"]);
    const sources = [...text.matchAll(/^\[(\d)\] (.+) § On \w+$/gm)].map(([, number, file]) => [
      Number(number),
      file,
    ]);
    const lines = [...text.matchAll(/^(.+\.) ((?:\[\d\])+)$/gm)];
    expect(lines.length).toBeGreaterThan(0);
    const { search } = await readCorpus(docs());
    for (const [, sentence = "", numbers = ""] of lines) {
      const files = [...numbers.matchAll(/\d/g)].map(
        ([number]) => sources.find(([n]) => n === Number(number))?.[1],
      );
      const said = search(sentence, 9).filter(({ text }) => text.includes(sentence));
      expect(files, sentence).toEqual(expect.arrayContaining(said.map(({ id }) => id.split(" § ")[0])));
    }
    expect(text).not.toMatch(/bread\.md|Dough/);
  });

  test("explains wrong input", async () => {
    const { code, text } = await start(["Why?", "--docs", join(scratch, "none")]).ended;
    expect(text).toMatch(
      /^error: Expected a folder with Markdown files, got ".+none"\. Name another with --docs\.$/m,
    );
    expect(code).toBe(2);
    const depth = await start(["Why?", "--depth", "0"]).ended;
    expect(depth.text).toContain(
      'error: Expected --depth to be an integer from 1 to 100, got "0". Write --depth 3.',
    );
    expect(depth.code).toBe(2);
  });

  test("stops at once on Ctrl-C while it takes notes", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const asked = once(server, "request"); // and never answered
    const { child, ended } = start(["What holds water?", "--docs", docs()], {
      OPENAI_API_KEY: "x",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    });
    await asked;
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    server.close();
  });
});

test("a service that has no URL is an error of the user's", async () => {
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(InputError);
});

describe("the flow", () => {
  const corpus: Corpus = {
    documents: 1,
    search: (question) => (/nowhere/.test(question) ? [] : [{ id: `about ${question}`, text: "text" }]),
  };

  /** A model that asks on and on; it knows how many of its calls ran at once. */
  class Curious extends Llm {
    readonly questions: string[] = [];
    running = 0;
    peak = 0;
    constructor(
      readonly next: (question: string) => string[] = (each) => ["a", "b", "c", "d"].map((x) => each + x),
    ) {
      super(new OpenAI({ apiKey: "none" }), "");
    }

    override async takeNotes(question: string, _passages: readonly Passage[]): Promise<Notes> {
      this.questions.push(question);
      this.peak = Math.max(this.peak, ++this.running);
      await new Promise((resolve) => setTimeout(resolve, question.endsWith("a") ? 4 : 1));
      this.running--;
      if (question.endsWith("x")) throw new Error("no idea");
      return {
        text: `found ${question}`,
        sources: question.endsWith("z") ? [7] : [1],
        questions: this.next(question),
      };
    }

    override async report(_question: string, findings: readonly Finding[], sources: readonly string[]) {
      return findings
        .map(({ place, text, sources: own }) => `${place} ${text} [${sources.indexOf(own[0] ?? "") + 1}]`)
        .join("\n");
    }
  }

  const research = async (llm: Curious, limits: Partial<Limits> = {}, gate?: Gate) => {
    const shared = createShared("q", { depth: 3, breadth: 2, most: 100, ...limits });
    await createResearchFlow({ llm, corpus, ...(gate && { gate }) }).run(shared);
    return shared;
  };

  test("goes as deep and as wide as it may, and no deeper", async () => {
    const llm = new Curious();
    await research(llm);
    expect(llm.questions.sort()).toEqual(["q", "qa", "qaa", "qab", "qb", "qba", "qbb"]);
    const narrow = new Curious();
    await research(narrow, { depth: 1 });
    expect(narrow.questions).toEqual(["q"]);
  });

  test("asks no more than the most questions in all, however wide and deep the tree might be", async () => {
    const llm = new Curious();
    await research(llm, { depth: 50, breadth: 4, most: 23 });
    expect(llm.questions).toHaveLength(23);
  });

  test("one gate holds for all levels together", async () => {
    const wide = new Curious();
    await research(wide, { depth: 4, breadth: 4 }, new Gate({ concurrency: 3 }));
    expect(wide.questions).toHaveLength(1 + 4 + 16 + 64);
    expect(wide.peak).toBe(3);
  });

  test("nothing is asked twice, and a circle of questions ends", async () => {
    const llm = new Curious(() => ["Q", "r", "s"]);
    await research(llm, { depth: 9, breadth: 3 });
    expect(llm.questions.sort()).toEqual(["q", "r", "s"]);
  });

  test("the report is in the order of the tree, although the branches finish in another", async () => {
    const { report = "", findings } = await research(new Curious());
    expect(findings.map(({ place }) => place)).not.toEqual([
      "1",
      "1.1",
      "1.1.1",
      "1.1.2",
      "1.2",
      "1.2.1",
      "1.2.2",
    ]);
    const [text = "", sources = ""] = report.split("\n\nSources\n");
    expect(text.split("\n")).toEqual([
      "1 found q [1]",
      "1.1 found qa [2]",
      "1.1.1 found qaa [3]",
      "1.1.2 found qab [4]",
      "1.2 found qb [5]",
      "1.2.1 found qba [6]",
      "1.2.2 found qbb [7]",
    ]);
    expect(sources.split("\n")[2]).toBe("[3] about qaa");
  });

  test("a branch that fails, or cites what it was not given, is a gap and not the end", async () => {
    const llm = new Curious((question) => (question === "q" ? ["qx", "qz", "nowhere", "qa"] : []));
    const { gaps, report } = await research(llm, { breadth: 4 });
    expect(gaps.sort()).toEqual([
      "1.1 qx: no idea",
      "1.2 qz: Source 7 was cited, of 1 passages",
      "1.3 nowhere: no passage has to do with it.",
    ]);
    expect(llm.questions.filter((question) => question === "qx")).toHaveLength(3);
    expect(report).toContain("1.4 found qa [2]");
  });

  test("a report that cites what is not in the list is written again", async () => {
    const llm = new Curious(() => []);
    const texts = ["All is well [2].", "All is well [1]."];
    llm.report = async () => texts.shift() ?? "";
    expect((await research(llm)).report).toBe("All is well [1].\n\nSources\n[1] about q");
  });

  test("nothing found at all is an error, not an empty report", async () => {
    const shared = createShared("nowhere", { depth: 1, breadth: 1, most: 1 });
    const flow = createResearchFlow({ llm: new Curious(), corpus });
    await expect(flow.run(shared)).rejects.toThrow("Nothing was found out");
    expect(shared.gaps).toEqual(["1 nowhere: no passage has to do with it."]);
  });
});

test("a document is cut at its headings, and its code is no prose", () => {
  const long = "The gate is raised by hand, and lowered by its own weight.";
  const text = `intro that is long enough to be a passage of its own\n\n## \`open()\`\n\n${long}\n\n~~~js\n# no heading\n~~~\n\n### Short\n\nNo.\n`;
  expect(passagesOf("lock", text)).toEqual([
    { id: "lock", text: "intro that is long enough to be a passage of its own" },
    { id: "lock § open()", text: long },
  ]);
});
