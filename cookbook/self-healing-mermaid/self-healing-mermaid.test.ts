import { expect, test } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { createMermaidFlow, sectionsOf } from "./self-healing-mermaid.js";

/** Draws with a parser that takes what begins with "ok", and these answers for each text, in order. */
async function draw(answers: Record<string, (string | Error)[]>, tries?: number) {
  const prompts: string[] = [];
  const json = async (_name: string, _schema: unknown, prompt: string) => {
    prompts.push(prompt);
    const { text } = JSON.parse(prompt.split("\n\n")[1] ?? "");
    const list = answers[text] ?? [];
    const mermaid = list.length > 1 ? list.shift() : list[0];
    if (mermaid instanceof Error) throw mermaid;
    return { mermaid };
  };
  const parse = async (diagram: string) => {
    if (!diagram.startsWith("ok")) throw new Error(`Parse error: ${diagram}`);
  };
  const sections = Object.keys(answers).map((text) => ({ heading: `# ${text}`, text }));
  await createMermaidFlow({ json } as unknown as Model, parse, tries).run({ sections, refused: [] });
  return { sections, prompts };
}

test("the parser's error goes back until the diagram is valid, for each section by itself", async () => {
  const { sections, prompts } = await draw({ orders: ["bad", "ok 1"], stock: ["ok 2"] });
  expect(sections).toMatchObject([{ valid: "ok 1" }, { valid: "ok 2" }]);
  expect(prompts.filter((prompt) => prompt.includes("Parse error: bad"))).toHaveLength(1);
});

test("after so many diagrams it is given up, and the other sections have theirs", async () => {
  const { sections, prompts } = await draw({ orders: ["bad"], stock: ["ok"] }, 3);
  expect(sections).toMatchObject([{ error: "3 diagrams do not parse" }, { valid: "ok" }]);
  expect(prompts).toHaveLength(4);
});

test("a section whose call fails has the error, and a wrong key ends the run", async () => {
  const { sections } = await draw({ orders: [new Error("500")], stock: ["ok"] });
  expect(sections).toMatchObject([{ error: "500" }, { valid: "ok" }]);
  const denied = new DeniedError("401");
  await expect(draw({ orders: [denied] })).rejects.toBe(denied);
});

test("a document is cut at its headings", () => {
  expect(sectionsOf("intro\n\n# Shop\n\n## Orders\n\nOne.\n")).toEqual([
    { heading: "", text: "intro" },
    { heading: "# Shop\n\n## Orders", text: "One." },
  ]);
});
