// What toMermaid writes, drawn by Mermaid in a real browser.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BaseNode, Flow, Gate, Node, parallel } from "sluice";
import { toMermaid } from "sluice/diagram";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createGuardedFlow } from "../../../cookbook/chat-guardrail/chat-guardrail.js";
import { createChatFlow } from "../../../cookbook/chat-web/chat-web.js";
import { createTwinsFlow } from "../../../cookbook/embed-batching/embed-batching.js";
import type { Model } from "../../../cookbook/lib/model.js";
import { createGameFlow } from "../../../cookbook/multi-agent/multi-agent.js";
import { createImagesFlow } from "../../../cookbook/parallel-images/parallel-images.js";
import { createSummariesFlow } from "../../../cookbook/parallel-summaries/parallel-summaries.js";
import { hasBrowser } from "../../support/browser.js";
import { type Drawing, launch, openDrawing } from "../../support/drawing.js";
import { hostileNames } from "../../support/hostile-names.js";
import { isFull, sized } from "../../support/size.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Each name makes a diagram of its own, which takes a tenth of a second: small tests draw every eighth. */
const STRIDE = sized(3, 8, 1);

/** A flow that has one name wherever a name can be. */
function flowOf(name: string): Flow {
  const make = () =>
    Object.defineProperty(new Node({ gate: new Gate({ name, concurrency: 2 }) }), "name", { value: name });
  const [first, second, third] = [make(), make(), make()];
  const flow = (inside: BaseNode) => Object.defineProperty(new Flow(inside), "name", { value: name });
  first.on(name, second);
  second.next(flow(parallel([third], { name }))).end(name);
  return flow(first);
}

describe.skipIf(!hasBrowser)("in Chromium", () => {
  afterAll(async () => (await launch()).close());

  describe.each(isFull ? (["strict", "loose"] as const) : (["strict"] as const))(
    "with the security level %s",
    (level) => {
      let drawing: Drawing;
      beforeAll(async () => {
        drawing = await openDrawing(level);
      });
      afterAll(() => drawing?.close());

      test("each hostile name is shown as it is, wherever it stands, and none runs a script", async () => {
        const names = hostileNames.filter((_, at) => at % STRIDE === 0);
        expect(names.length).toBeGreaterThan(sized(60, 20, 200));
        const drawn = await drawing.draw(names.map(([name]) => toMermaid(flowOf(name))));
        const seen = names.map(([name], at) => {
          const { error, nodes, edges, boxes, odd } = drawn[at]!;
          const frame = (lines: string[]) => lines.length === 1 && /^(start|end)$/.test(lines[0]!);
          const titles = nodes.filter((lines) => !frame(lines)).map(([title]) => title);
          const gates = nodes.flatMap((lines) => lines.slice(1)).sort();
          return { name: name.slice(0, 100), error, titles, gates, edges, boxes, odd };
        });
        const expected = names.map(([name, shown]) => {
          const gate = `gate ${shown}: 2 at once`;
          return {
            name: name.slice(0, 100),
            error: undefined,
            titles: [shown, shown, shown, shown],
            gates: ["all of 1", gate, gate, gate],
            edges: name === "default" ? [] : [[shown], [shown]],
            boxes: [[`${shown} · flow`], [`${shown} · flow`]],
            odd: [],
          };
        });
        const wrong = seen.filter((each, at) => JSON.stringify(each) !== JSON.stringify(expected[at]));
        expect(wrong).toEqual(expected.filter(({ name }) => wrong.some((each) => each.name === name)));
        expect(await drawing.alarms()).toEqual([]);
      }, 240_000);

      test("all of them stand in one diagram, too, and each stays a node of its own", async () => {
        const nodes = hostileNames.map(([name]) =>
          Object.defineProperty(new Node(), "name", { value: name }),
        );
        for (const [at, each] of nodes.entries()) if (at > 0) nodes[at - 1]!.on(hostileNames[at]![0], each);
        const [drawn] = await drawing.draw([toMermaid(new Flow(nodes[0]!), { direction: "TD" })]);
        expect(drawn!.error).toBe(undefined);
        const titles = drawn!.nodes.map(([title]) => title);
        expect(titles.sort()).toEqual(["start", ...hostileNames.map(([, shown]) => shown)].sort());
        expect(drawn!.odd).toEqual([]);
        expect(await drawing.alarms()).toEqual([]);
      }, 120_000);
    },
  );

  test("a page that does fall for a name is noticed here", async () => {
    const drawing = await openDrawing("loose");
    const [drawn] = await drawing.draw([
      'flowchart LR\n  a["<img src=x onerror=globalThis.hacked=1>"] --> b["<u>b</u>"]',
    ]);
    expect(drawn!.odd).not.toEqual([]);
    await drawing.close();
  });

  test("the flows of the recipes, and every diagram of the documentation, are drawn", async () => {
    const never = {} as never;
    const gate = new Gate({
      name: "vendor",
      concurrency: 32,
      rate: { requests: 500, tokens: 200_000, per: 60_000 },
    });
    const model = { calls: { gate } } as Model;
    const flows: BaseNode[] = [
      createChatFlow(model),
      createTwinsFlow(model, 100),
      createGameFlow(model, model),
      createGuardedFlow(model),
      createSummariesFlow(model),
      createImagesFlow(never),
    ];
    const pages = [".", "docs", "cookbook"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: folder !== ".", encoding: "utf8" })
        .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
        .map((file) => join(folder, file)),
    );
    const written = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/^```mermaid\n(.*?)^```$/gms)].map(
        (block): [string, string] => [page, block[1]!],
      ),
    );
    expect(written.length).toBeGreaterThan(5);
    const all = [...flows.map((flow): [string, string] => [flow.name, toMermaid(flow)]), ...written];
    const drawing = await openDrawing("strict");
    const drawn = await drawing.draw(all.map(([, text]) => text));
    expect(
      drawn.flatMap(({ error }, at) => (error === undefined ? [] : [`${all[at]![0]}: ${error}`])),
    ).toEqual([]);
    expect(await drawing.alarms()).toEqual([]);
    await drawing.close();
  }, 120_000);
});
