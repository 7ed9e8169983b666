// Mermaid in a real browser, with a page that notices everything a diagram should not do.
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { launchBrowser } from "./browser.js";

/** What functions that run in the page use of it; the page's own types would be everybody's here. */
interface Page {
  readonly mermaid: {
    initialize(options: object): void;
    render(id: string, text: string): Promise<{ svg: string; bindFunctions?: (element: Element) => void }>;
  };
  readonly document: { title: string; querySelector(query: string): Element };
  readonly hacked?: unknown;
  setTimeout(act: () => void, ms: number): void;
}
interface Element {
  innerHTML: string;
  readonly textContent: string;
  readonly tagName: string;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  querySelectorAll(query: string): Iterable<Element>;
  replaceWith(text: string): void;
}

/** What became of one diagram. */
export interface Drawn {
  /** Why there is none. */
  readonly error?: string;
  /** The lines of each label, by what they label. */
  readonly nodes: string[][];
  readonly edges: string[][];
  readonly boxes: string[][];
  /** Elements and attributes that no text makes. */
  readonly odd: string[];
}

export interface Drawing {
  draw(texts: readonly string[]): Promise<Drawn[]>;
  screenshot(path: string): Promise<unknown>;
  /** What ran or was asked for that should not have been. */
  alarms(): Promise<string[]>;
  close(): Promise<void>;
}

let browser: Promise<Browser> | undefined;
export const launch = () => (browser ??= launchBrowser());

/** Opens a page that draws. */
export async function openDrawing(securityLevel: "strict" | "loose"): Promise<Drawing> {
  const page = await (await launch()).newPage({ viewport: { width: 1_600, height: 900 } });
  const alarms: string[] = [];
  await page.setContent('<!doctype html><title>still</title><div id="here"></div>');
  page.on("request", (request) => alarms.push(`asked for ${request.url()}`));
  page.on("dialog", (dialog) => {
    alarms.push(`said ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => alarms.push(String(error)));
  page.on("framenavigated", () => alarms.push("went elsewhere"));
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve("mermaid/dist/mermaid.min.js") });
  await page.evaluate((level) => {
    const { mermaid } = globalThis as unknown as Page;
    mermaid.initialize({ startOnLoad: false, securityLevel: level, maxEdges: 2_000, maxTextSize: 1_000_000 });
  }, securityLevel);
  return {
    draw: (texts) =>
      page.evaluate(async (all) => {
        const { mermaid, document } = globalThis as unknown as Page;
        const here = document.querySelector("#here");
        const drawn: Drawn[] = [];
        for (const text of all) {
          const result: Drawn = { nodes: [], edges: [], boxes: [], odd: [] };
          drawn.push(result);
          try {
            const { svg, bindFunctions } = await mermaid.render("drawing", text);
            here.innerHTML = svg;
            bindFunctions?.(here);
          } catch (error) {
            Object.assign(result, { error: String(error) });
            continue;
          }
          for (const each of here.querySelectorAll("*")) {
            const allowed =
              /^(svg|g|path|rect|polygon|circle|marker|style|foreignObject|defs|filter|feDropShadow|linearGradient|stop|div|span|p|br)$/i;
            if (!allowed.test(each.tagName)) result.odd.push(each.tagName);
            for (const { name, value } of each.attributes) {
              if (/^on|href|^src|action/i.test(name) || /javascript:|data:/i.test(value))
                result.odd.push(`${name}=${value}`);
            }
          }
          const lines = (kind: string, query: string) => {
            for (const each of here.querySelectorAll(query)) {
              for (const br of each.querySelectorAll("br")) br.replaceWith("\n");
              const shown = each.textContent.split("\n").map((line) => line.trim());
              if (shown.join("") !== "") result[kind as "nodes"].push(shown);
            }
          };
          lines("nodes", ".node .nodeLabel");
          lines("edges", ".edgeLabel .edgeLabel");
          lines("boxes", ".cluster-label .nodeLabel");
        }
        await new Promise<void>((resolve) => (globalThis as unknown as Page).setTimeout(resolve, 20));
        return drawn;
      }, texts),
    screenshot: (path) => page.screenshot({ path, fullPage: true }),
    alarms: async () => {
      const { hacked, title } = await page.evaluate(() => {
        const { hacked, document } = globalThis as unknown as Page;
        return { hacked, title: document.title };
      });
      return [
        ...alarms,
        ...(hacked === undefined ? [] : ["a script ran"]),
        ...(title === "still" ? [] : [title]),
      ];
    },
    close: () => page.close(),
  };
}
