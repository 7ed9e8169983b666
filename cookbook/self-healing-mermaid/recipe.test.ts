// Runs the program as a user does, and the loop with models that the test holds, against Mermaid's own parser.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { isFailure } from "sluice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDocumentFlow, createDrawingFlow } from "./flow.js";
import { type FailedTry, Llm } from "./llm.js";
import { createDrawing, type Shared } from "./nodes.js";
import { loadParser, type Parse } from "./parser.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "self-healing-mermaid-"));
let parse: Parse;
beforeAll(async () => {
  parse = await loadParser();
});
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, out, err })) };
}

/** A model that answers a text with one diagram after another, and keeps what it was told. */
class Scripted extends Llm {
  readonly heard: FailedTry[][] = [];
  readonly #answers: Readonly<Record<string, readonly string[]>>;

  constructor(answers: Readonly<Record<string, readonly string[]>>) {
    super(new OpenAI({ apiKey: "none" }), "");
    this.#answers = answers;
  }

  override async draw(...[text, failed]: Parameters<Llm["draw"]>): Promise<string> {
    this.heard.push([...failed]);
    const answers = this.#answers[text];
    if (!answers) throw new OpenAI.APIError(400, undefined, `no answer to ${text}`, undefined);
    return answers[Math.min(failed.length, answers.length - 1)] ?? "";
  }
}

const PARENS = "flowchart TD\n  a[one (1)] --> b";
const RESERVED = 'flowchart TD\n  a["one (1)"] --> end[two]';
const GOOD = 'flowchart TD\n  a["one (1)"] --> b[two]';

describe("the program", () => {
  test("puts a valid diagram with the words of the text under each section, and tells what it mended", async () => {
    const { code, out, err } = await start([]).ended;
    expect(code, err).toBe(0);
    expect(err).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(err).toMatch(/## Orders, refused:\nParse error on line 2:\n.+\n.+\nExpecting …, got 'PS'/);
    expect(err).toMatch(/## Complaints, refused:\nParse error on line 9:\n.+\n.+\nExpecting …, got 'end'/);
    expect(err).not.toContain("## Stocktaking");
    const diagrams = [...out.matchAll(/^```mermaid\n(.+?)\n```$/gms)].map(([, diagram = ""]) => diagram);
    expect(diagrams).toHaveLength(3);
    for (const diagram of diagrams) await parse(diagram);
    expect(diagrams[0]).toContain('["Receive the order (by mail or phone)"]');
    expect(diagrams[0]).toMatch(/everything -->\|yes\| pack\n[\s\S]*everything -->\|no\| order\n/);
    const rest = out.replaceAll(/```mermaid\n.+?\n```\s+/gs, "");
    expect(rest.trim()).toBe(readFileSync(join(import.meta.dirname, "sample.md"), "utf8").trim());
  });

  test("explains wrong input, and stops at once on Ctrl-C", async () => {
    const missing = await start(["none.md"]).ended;
    expect(missing.err).toContain('error: Expected a Markdown file, got "none.md": ENOENT');
    expect(missing.code).toBe(2);

    const running = start([]);
    await once(running.child.stderr, "data");
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 130, out: "" });
  });
});

describe("the loop", () => {
  test("hands every refused diagram back with the parser's words, and ends with the first valid one", async () => {
    const llm = new Scripted({ text: [PARENS, RESERVED, GOOD] });
    const drawing = createDrawing({ heading: "", text: "text" });
    expect(await createDrawingFlow({ llm, parse }).run(drawing)).toBe("valid");
    expect(drawing).toMatchObject({ valid: true, diagram: GOOD });
    expect(llm.heard).toEqual([[], drawing.failed.slice(0, 1), drawing.failed]);
    expect(drawing.failed[0]?.error).toMatch(/^Parse error on line 2:[\s\S]+got 'PS'$/);
    expect(drawing.failed[1]?.error).toMatch(/^Parse error on line 2:[\s\S]+got 'end'$/);
  });

  test("gives up after as many tries as it was given, whatever nonsense comes", async () => {
    for (const nonsense of ["", "Here is your diagram!", "flowchart TD\n  a --"]) {
      const llm = new Scripted({ text: [nonsense] });
      const drawing = createDrawing({ heading: "", text: "text" });
      expect(await createDrawingFlow({ llm, parse, tries: 3 }).run(drawing)).toBe("given up");
      expect([drawing.valid, drawing.failed.length, llm.heard.length]).toEqual([false, 3, 3]);
    }
  });
});

test("sections do not mix, and one that fails costs the others nothing", async () => {
  const llm = new Scripted({ first: [PARENS, GOOD], third: ["pie\n  'x'", PARENS, 'pie\n  "x": 1'] });
  const shared: Shared = { sections: ["first", "second", "third"].map((text) => ({ heading: text, text })) };
  await createDocumentFlow({ llm, parse }).run(shared);
  const [first, second, third] = shared.drawings ?? [];
  expect(first).toMatchObject({ text: "first", valid: true, diagram: GOOD, failed: [{ diagram: PARENS }] });
  expect(isFailure(second) && second.error).toMatchObject({ status: 400 });
  expect(third).toMatchObject({ text: "third", valid: true, diagram: 'pie\n  "x": 1' });
});

test("the parser leaves no window behind, by which other libraries would take Node for a browser", () => {
  expect("window" in globalThis || "document" in globalThis).toBe(false);
});
