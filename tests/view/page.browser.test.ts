// The page of a run, in a real browser.
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { openJournal } from "sluice/journal";
import { recordTrace } from "sluice/trace";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { serveLive } from "../../src/cli/live-server.js";
import { pageHtml } from "../../src/cli/page-html.js";
import { serveStudio } from "../../src/cli/studio/serve.js";
import { Studio } from "../../src/cli/studio/studio.js";
import { TraceFolder } from "../../src/cli/studio/trace-folder.js";
import { hasBrowser, launchBrowser } from "../support/browser.js";
import { type BuiltCli, build, sluice } from "../support/built-cli.js";
import { fastest } from "../support/fastest.js";
import { inWords, isFull, sized } from "../support/size.js";
import { batchFlow, pagesFlow, scratch } from "../support/traced-flows.js";

/** What functions that run in the page use of it; the page's own types would be everybody's here. */
declare const document: {
  readonly title: string;
  readonly documentElement: { readonly scrollWidth: number; readonly scrollHeight: number };
  readonly activeElement: {
    getAttribute(name: string): string | null;
    readonly textContent: string;
  } | null;
  querySelectorAll(query: string): { readonly length: number };
};
interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: "2d"): {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
  };
}
declare const performance: { now(): number };
declare const requestAnimationFrame: (act: () => void) => void;

const MANY = sized(10_000, 2_000);

/** The longest time in ms that a page's thread computed without a pause; what other programs took from it is not counted. */
function longestTask(tracing: Buffer): number {
  interface Traced {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents } = JSON.parse(tracing.toString()) as { traceEvents: Traced[] };
  const threadOf = ({ pid, tid }: Traced) => `${pid} ${tid}`;
  const isMain = ({ name, args }: Traced) => name === "thread_name" && args.name === "CrRendererMain";
  const main = new Set(traceEvents.filter(isMain).map(threadOf));
  const tasks = traceEvents.filter((event) => event.name.endsWith("RunTask") && main.has(threadOf(event)));
  if (tasks.length < 100) throw new Error(`Expected the tasks of a page, got ${tasks.length}`);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1_000));
}

describe.skipIf(!hasBrowser)("the page of a run", { timeout: 60_000 }, () => {
  const folder = scratch();
  let browser: Browser;
  let cli: BuiltCli;
  let parts: { script: string; style: string };
  let [small, failed, large] = ["", "", ""];
  const read = (name: string) => readFileSync(join(cli.folder, "view", name), "utf8");

  /** Records a run and gives the address of its page. */
  async function pageOf(name: string, flow: Flow<object>): Promise<string> {
    const trace = recordTrace(join(folder, `${name}.jsonl`), { values: true });
    await flow.run({}, { events: trace.events }).catch(() => {});
    await trace.close();
    return written(name, readFileSync(trace.path, "utf8").trimEnd().split("\n"));
  }
  function written(name: string, lines: readonly string[]): string {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, pageHtml(parts, lines));
    return pathToFileURL(path).href;
  }

  beforeAll(async () => {
    [cli, browser] = await Promise.all([build(), launchBrowser()]);
    parts = { script: read("page.js"), style: read("page.css") };
    small = await pageOf("small", batchFlow(12));
    large = await pageOf("large", batchFlow(MANY));
    const broken = node({
      name: "Broken",
      attempts: 3,
      exec: () => Promise.reject(Object.assign(new Error("no total"), { code: "E_TOTAL" })),
    });
    const first = node({ name: "First" });
    first.next(broken).next(node({ name: "Never" }));
    failed = await pageOf("failed", new Flow(first as never, { name: "Fails" }));
  });
  afterAll(async () => {
    await browser?.close();
    cli?.remove();
  });

  /** A fresh page; what it prints, throws or asks of a network fails the test. */
  async function withPage(url: string, use: (page: Page) => Promise<void>, options?: BrowserContextOptions) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(new URL(url).protocol === "file:" ? url : new URL(url).origin)) {
        complaints.push(`asked for ${request.url()}`);
      }
    });
    await page.goto(url);
    await page.locator("header h1").waitFor();
    try {
      await use(page);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  }
  /** Resolves when all that has been drawn until now can be seen. */
  const nextFrame = (page: Page) =>
    page.evaluate(
      () => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
    );
  const details = (page: Page) => page.locator(".details");
  const nodeOf = (page: Page, name: string) => page.locator(".node:not(.box)", { hasText: name });

  /** What axe finds of WCAG 2.2 and of good practice. */
  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const rules = { "label-content-name-mismatch": { enabled: true } };
      const found = await axe.run({ rules });
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
  }

  test("the JSON of sluice trace --chrome opens in speedscope, by the name that it gets", async () => {
    const { code, out } = await sluice(cli, ["trace", "small.jsonl", "--chrome"], folder);
    expect([code, out]).toEqual([0, expect.stringMatching(/^small\.trace\.json: /)]);
    const page = await browser.newPage();
    const index = "node_modules/speedscope/dist/release/index.html";
    await page.goto(pathToFileURL(index).href);
    await page.locator("input[type=file]").setInputFiles(join(folder, "small.trace.json"));
    await page.waitForFunction("document.title.startsWith('small.trace.json')");
    await page.close();
  });

  test("shows how the run went, its nodes by state, and what failed", async () => {
    await withPage(small, async (page) => {
      expect(await page.title()).toMatch(/^Main · done · /);
      expect(await page.locator("header").textContent()).toMatch(/12 items.*2 retries.*1 failure/);
      expect(await page.locator(".node").count()).toBe(4);
      expect(await nodeOf(page, "Work").getAttribute("aria-label")).toMatch(
        /^Work 12 items · 1 failed.*: done with failures, parallel batch$/,
      );
      for (const part of ["TypeError: always", "Critical path", "Queue at the gate vendor"])
        expect(await details(page).textContent()).toContain(part);
      expect(await violations(page)).toEqual([]);
    });
    await withPage(failed, async (page) => {
      expect(await page.title()).toMatch(/^Fails · failed/);
      const states = ["First", "Broken", "Never"].map((name) => nodeOf(page, name).getAttribute("class"));
      expect(await Promise.all(states)).toEqual(["node done", "node failed", "node idle"]);
      expect(await details(page).locator(".error").first().textContent()).toBe("Error E_TOTAL");
    });
  });

  test("a click on an item shows its times, attempts, waits, error and data", async () => {
    await withPage(small, async (page) => {
      await details(page).getByRole("button", { name: "Work [2] TypeError" }).click();
      const text = (await details(page).textContent()) ?? "";
      for (const part of [
        "Work [2] failed",
        "Started+",
        "Took",
        "Waited at gates",
        "always",
        "Caused by",
        "the reason",
        "vendor",
        "secret 2",
      ]) {
        expect(text).toContain(part);
      }
      expect(await details(page).locator("table").first().locator("tbody tr").count()).toBe(2);
      await details(page).getByRole("button", { name: "Work", exact: true }).click();
      expect(await details(page).locator("h2").textContent()).toBe("Step");
      await page.keyboard.press("/");
      await page.keyboard.type("ALWAYS");
      await page.keyboard.press("Enter");
      await details(page).getByRole("button", { name: "Work [2] error" }).click();
      // The URL leads back to what is chosen.
      expect(page.url()).toMatch(/#run=[\w-]+&span=\d+$/);
      await page.reload();
      await details(page).getByText("Work [2] failed").waitFor();
    });
  });

  test.runIf(isFull)("what is under the pointer in the timeline is what a click chooses", async () => {
    await withPage(small, async (page) => {
      const box = await page.locator(".scroller canvas").boundingBox();
      const at = { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + 36 };
      await page.mouse.move(at.x, at.y);
      expect(await page.locator(".tip").textContent()).toMatch(/^Main · done/);
      await page.mouse.click(at.x, at.y);
      expect(await details(page).locator("h2").textContent()).toBe("Run");
      await nodeOf(page, "Work").click();
      expect(await details(page).textContent()).toContain("How long its items took");
      expect(await details(page).textContent()).toContain("gate vendor: 2 at once");
    });
  });

  test.runIf(isFull)("works by keyboard alone", async () => {
    await withPage(small, async (page) => {
      const said = page.locator("[role=status]");
      await page.keyboard.press("f");
      expect(await said.textContent()).toMatch(/^Work \[2\], failed/);
      await page.keyboard.press("Escape");
      expect(await details(page).locator("h2").textContent()).toBe("Run");
      await page.locator(".scroller").focus();
      for (const [key, wanted] of [
        ["ArrowRight", /^Main, done/],
        ["ArrowDown", /^(First|Work|Last), done/],
        ["ArrowLeft", /^(First|Work), done/],
      ] as const) {
        await page.keyboard.press(key);
        expect(await said.textContent()).toMatch(wanted);
      }
      await page.keyboard.press("Enter");
      await page.keyboard.press("+");
      await page.keyboard.press("0");
      const focused = page.locator(".node:focus");
      await page.locator('.node[tabindex="0"]').focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      expect(await focused.count()).toBe(1);
      expect(await details(page).locator("h2").textContent()).toBe("Node");
      expect(await page.locator('.node[tabindex="0"]').count()).toBe(1);
      await page.keyboard.press("?");
      expect(await page.getByRole("dialog").isVisible()).toBe(true);
      await page.keyboard.press("Escape");
      expect(await page.getByRole("dialog").isVisible()).toBe(false);
    });
  });

  test("the critical path is marked in a crowd too", async () => {
    class Crowd extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return Array.from({ length: 150 }, (_, i) => i);
      }
      override async exec() {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const url = await pageOf(
      "crowd",
      new Flow(new Crowd({ name: "Crowd", concurrency: 150 }), { name: "Main" }),
    );
    await withPage(url, async (page) => {
      await page.getByRole("button", { name: "Every lane" }).waitFor();
      await nextFrame(page);
      const share = await page.locator(".scroller canvas").evaluate((element) => {
        const { width, height, getContext } = element as unknown as Canvas;
        const { data } = getContext.call(element, "2d").getImageData(0, 0, width, height);
        const isInk = (at: number) => data[at] === 0x17 && data[at + 1] === 0x20 && data[at + 2] === 0x2e;
        let most = 0;
        // Below the lanes of the run and of the step.
        for (let y = 100; y < height; y++) {
          let count = 0;
          for (let x = 0; x < width; x++) if (isInk(4 * (y * width + x))) count++;
          most = Math.max(most, count);
        }
        return most / width;
      });
      expect(share).toBeGreaterThan(0.05);
    });
  });

  test.runIf(isFull)(`a trace of ${inWords(MANY)} items with values opens in under 2 s`, async () => {
    const url = await pageOf("pages", pagesFlow(MANY));
    const { size } = statSync(join(folder, "pages.jsonl"));
    const opened = await fastest(2_000, async () => {
      const began = Date.now();
      let took = 0;
      await withPage(url, async (page) => {
        await page.locator(".node").first().waitFor();
        await nextFrame(page);
        took = Date.now() - began;
        expect(await page.locator("header").textContent()).toContain(`${inWords(MANY)} items`);
      });
      return took;
    });
    process.stdout.write(
      `${inWords(MANY)} items with values, ${Math.round(size / 1e6)} MB: opened in ${opened} ms\n`,
    );
    expect(size).toBeGreaterThan(MANY * 1_300);
    expect(opened).toBeLessThan(2_000);
  });

  test("every pane is reached and used by keyboard alone", async () => {
    await withPage(await pageOf("panes", pagesFlow(60)), async (page) => {
      const focused = () =>
        page.evaluate(() => {
          const element = document.activeElement;
          return [element?.getAttribute("aria-label") ?? "", element?.textContent ?? ""].join(" ").trim();
        });
      /** Goes on with Tab until something is reached. */
      const tabTo = async (label: RegExp) => {
        const seen: string[] = [];
        for (let i = 0; i < 80; i++) {
          await page.keyboard.press("Tab");
          const text = await focused();
          if (label.test(text)) return;
          seen.push(text.slice(0, 30));
        }
        throw new Error(`Expected Tab to reach ${label}, got ${seen.join(" | ")}`);
      };
      for (const label of [/^Help/, /^(Pages|Load) /, /^Timeline/, /^Search names/, /Summarise \[2\]/])
        await tabTo(label);
      await page.keyboard.press("Enter");
      await details(page).getByText("Summarise [2] failed").waitFor();
      await page.keyboard.press("Escape");
      await tabTo(/What the run changed/);
      await page.keyboard.press("Enter");
      await tabTo(/^\[/); // a difference that scrolls
      await tabTo(/The store after/);
      await page.keyboard.press("Enter");
      await details(page).locator("details[open] pre", { hasText: "summaries" }).waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("/");
      await page.keyboard.type("always");
      await page.keyboard.press("Enter");
      await tabTo(/Summarise \[2\]error/);
      await page.keyboard.press("Enter");
      await details(page).getByText("Summarise [2] failed").waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });

  test.runIf(isFull)(`stays quick with ${inWords(MANY)} items`, async () => {
    await withPage(large, async (page) => {
      await page.locator(".node").first().waitFor();
      /** The longest time from an input to the frame after it. */
      const slowest = async (act: () => Promise<void>) => {
        await page.evaluate(() => {
          const times = ((globalThis as unknown as { frames: number[] }).frames = [performance.now()]);
          const next = () => {
            times.push(performance.now());
            if (times.length < 10_000) requestAnimationFrame(next);
          };
          requestAnimationFrame(next);
        });
        await act();
        await nextFrame(page);
        const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames);
        return Math.round(Math.max(...frames.map((at, i) => at - (frames[i - 1] ?? at))));
      };
      const canvas = page.locator(".scroller canvas");
      await canvas.hover();
      const zoom = await slowest(async () => {
        await page.keyboard.down("Control");
        for (let i = 0; i < 20; i++) await page.mouse.wheel(0, -120);
        for (let i = 0; i < 20; i++) await page.mouse.wheel(0, 120);
        await page.keyboard.up("Control");
      });
      const choose = await slowest(() => nodeOf(page, "Work").click());
      const failure = await slowest(() => page.keyboard.press("f"));
      process.stdout.write(
        `${inWords(MANY)} items: slowest frame ${zoom} ms zooming, ${choose} ms at a node, ${failure} ms at a failure\n`,
      );
      // Far above what it takes alone: other tests run beside this one.
      expect(Math.max(zoom, choose, failure)).toBeLessThan(5_000);
      expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(1_500);
    });
  });

  describe("is safe", () => {
    const evil = [
      "</script><script>document.title='owned'</script>",
      "<img src=x onerror=document.title='owned'>",
      "\u2028\u2029 line ends \u202e turned",
      '"]}{$<!--',
      "`$" + "{document.title='owned'}`",
      "javascript:document.title='owned'",
      "__proto__",
      "constructor",
      "x".repeat(20_000),
    ];

    test("whatever names, actions, errors and data hold, it is shown as text", async () => {
      for (const [i, text] of (isFull ? evil : evil.slice(0, 2)).entries()) {
        class Bad extends AsyncParallelBatchNode<object, number, number, "collect"> {
          override prep() {
            return [1, 2];
          }
          override async exec(n: number, { emit }: { emit(data: unknown): unknown }) {
            await emit({ [text]: text });
            if (n === 1) throw Object.assign(new Error(text), { name: text, code: text });
            return n;
          }
        }
        const bad = new Bad({
          name: text,
          gate: new Gate({ name: text, concurrency: 1 }),
          onError: "collect",
        });
        const other = node({ name: `${text}2`, post: () => text });
        bad.next(other as never);
        other.on(text as never, node({ name: `${text}3` }));
        await withPage(await pageOf(`evil${i}`, new Flow(bad as never, { name: text })), async (page) => {
          await page.keyboard.press("f");
          for (const each of await page.locator(".node").all()) await each.dispatchEvent("click");
          expect(await page.title()).not.toBe("owned");
          expect(await page.locator("img, a, iframe").count()).toBe(0);
          expect(await page.locator("script").count()).toBe(0);
          await page.keyboard.press("f");
          expect((await details(page).locator("pre.message").first().textContent())?.slice(0, 50)).toBe(
            text.slice(0, 50),
          );
        });
      }
    });

    test("nothing but its own script and style may work, and nothing may be asked for", async () => {
      const page = await browser.newPage();
      await page.goto(small);
      const blocked = await page.evaluate(async () => {
        const make = (
          globalThis as unknown as {
            document: {
              createElement(tag: string): Record<string, unknown>;
              body: { append(...nodes: unknown[]): void };
            };
          }
        ).document;
        const script = make.createElement("script");
        script.textContent = "document.title = 'owned'";
        const image = make.createElement("img");
        image.src = "https://example.invalid/x.png";
        make.body.append(script, image);
        const asked = await fetch("https://example.invalid/").then(
          () => "reached",
          () => "blocked",
        );
        return asked;
      });
      expect(blocked).toBe("blocked");
      expect(await page.title()).not.toBe("owned");
      await page.close();
    });
  });

  test.runIf(isFull)(
    "a graph alone, a run without a graph, and a run that was cut off are shown as they are",
    async () => {
      const lines = readFileSync(join(folder, "small.jsonl"), "utf8").trimEnd().split("\n");
      await withPage(written("graph", [lines[1] as string]), async (page) => {
        expect(await page.locator("header").textContent()).toContain("graph");
        expect(await page.locator(".node.idle").count()).toBe(4);
        expect(await page.locator(".timeline").count()).toBe(0);
      });
      await withPage(
        written(
          "bare",
          lines.filter((line) => !line.startsWith('{"type":"graph"')),
        ),
        async (page) => {
          expect(await nodeOf(page, "Work").count()).toBe(1);
          expect(await details(page).textContent()).toContain("the trace has none");
        },
      );
      await withPage(written("cut", lines.slice(0, 12)), async (page) => {
        expect(await page.title()).toMatch(/^Main · unfinished/);
      });
    },
  );

  test.runIf(isFull)("several runs are chosen from a list", async () => {
    const trace = recordTrace(join(folder, "several.jsonl"));
    await Promise.all(["A", "B"].map((name) => batchFlow(3, name).run({}, { events: trace.events })));
    await trace.close();
    const lines = readFileSync(trace.path, "utf8").trimEnd().split("\n");
    await withPage(written("several", lines), async (page) => {
      expect(await page.locator("h1").textContent()).toBe("A");
      await page.getByLabel("Run", { exact: true }).selectOption({ index: 1 });
      expect(await page.locator("h1").textContent()).toBe("B");
      await page.getByLabel("Compare with").selectOption({ index: 1 });
      expect(await details(page).textContent()).toContain("Difference");
      // The URL leads back to both.
      expect(page.url()).toMatch(/#run=[\w-]+&with=[\w-]+$/);
      await page.reload();
      await details(page).getByText("Compared with the run").waitFor();
      expect(await page.locator("h1").textContent()).toBe("B");
    });
  });

  test.runIf(isFull)("a live page grows with its file, and starts anew with a new one", async () => {
    const lines = readFileSync(join(folder, "small.jsonl"), "utf8").trimEnd().split("\n");
    const path = join(folder, "live.jsonl");
    const server = await serveLive(path, parts, 0);
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(server.url);
    await page.getByText("Waiting for the run to begin").waitFor();
    appendFileSync(path, `${lines.slice(0, 10).join("\n")}\n`);
    await page.locator("h1", { hasText: "Main" }).waitFor();
    expect(await page.title()).toMatch(/^Main · running/);
    expect(await page.locator(".live").textContent()).toBe("live");
    appendFileSync(path, `${lines.slice(10).join("\n")}\n`);
    await page.locator("header .state.done").waitFor();
    expect(await page.locator("header").textContent()).toContain("12 items");
    writeFileSync(path, "");
    await new Promise((resolve) => setTimeout(resolve, 300)); // it is seen empty, too
    appendFileSync(path, `${lines.slice(0, 3).join("\n")}\n`);
    await page.locator("header .state.running").waitFor();
    expect(complaints).toEqual([]);
    server.close();
    await server.ended;
    await page.locator(".live.off").waitFor();
    await context.close();
  });

  test.runIf(isFull)(
    `a live run of ${inWords(MANY)} items never keeps the page busy for 50 ms at a time`,
    async () => {
      const lines = readFileSync(join(folder, "large.jsonl"), "utf8").trimEnd().split("\n");
      const path = join(folder, "growing.jsonl");
      const longest = await fastest(50, async () => {
        writeFileSync(path, `${lines.slice(0, 10).join("\n")}\n`);
        const server = await serveLive(path, parts, 0);
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        try {
          await page.goto(server.url);
          await page.locator("header .state.running").waitFor();
          await browser.startTracing(page, { categories: ["toplevel"] });
          const size = Math.ceil(lines.length / 30);
          for (let at = 10; at < lines.length; at += size) {
            appendFileSync(path, `${lines.slice(at, at + size).join("\n")}\n`);
            await page.keyboard.press("ArrowRight");
            await page.waitForTimeout(100); // several redraws fall between the first line and the last
          }
          await page.locator("header .state.done").waitFor();
          return longestTask(await browser.stopTracing());
        } finally {
          await page.close();
          server.close();
          await server.ended;
        }
      });
      process.stdout.write(`${inWords(MANY)} items live: at most ${Math.round(longest)} ms at a time\n`);
      expect(longest).toBeLessThan(50);
    },
  );

  test("in the studio a question of the list is answered by its form, and the run ends", async () => {
    const schema = z.object({ ok: z.boolean(), why: z.string().optional() });
    const createReview = () =>
      new Flow(
        node({
          name: "Review",
          prep: (shared: { draft: string; verdict?: unknown }) => shared.draft,
          exec: (draft, { ask }) => ask({ draft }, { schema }),
          post: (shared, _draft, verdict) => {
            shared.verdict = verdict;
            return verdict.ok ? "approved" : "rejected";
          },
        }),
        { name: "Review" },
      );
    const journal = await openJournal(":memory:");
    const signal = new AbortController().signal;
    const traces = new TraceFolder(join(folder, "traces"), signal);
    const studio = new Studio({
      opened: { journal, name: "runs.db" },
      config: {
        path: "sluice.config.ts",
        folder,
        journal,
        flows: new Map([["Review", { flow: createReview }]]),
      },
      traces,
      drain: signal,
      signal,
    });
    const pages = { run: parts, studio: { script: read("studio.js"), style: read("studio.css") } };
    const server = await serveStudio(studio, traces, pages, 0);
    await studio.start("Review", "r1", { draft: "A lock lifts boats." });
    await studio.ended();
    await withPage(server.url, async (page) => {
      const row = page.locator("tbody tr", { hasText: "r1" });
      await row.getByText("suspended").waitFor();
      await row.getByRole("button", { name: "r1" }).click();
      expect(await page.locator(".question pre").textContent()).toContain("A lock lifts boats.");
      await page.getByLabel("why (optional)").fill("short and true");
      await looksWell(page, "studio");
      // A required field that is empty is not sent.
      await page.getByRole("button", { name: "Answer and go on" }).click();
      await page.getByLabel("ok").selectOption("yes");
      await page.getByRole("button", { name: "Answer and go on" }).click();
      await row.getByText("done").waitFor();
      await page.locator(".details dd", { hasText: "approved" }).waitFor();
      expect(await page.locator(".question").count()).toBe(0);
      await page.locator(".traces li").nth(1).waitFor();
      await compareFiles(page);
      await page.getByRole("button", { name: "Start a flow" }).click();
      await page.getByLabel("Store (JSON)").fill("{ no");
      await page.getByRole("button", { name: "Start", exact: true }).click();
      expect(await page.getByRole("alert").textContent()).toMatch(/^Store: expected JSON \(/);
      await looksWell(page, "studio-start");
    });
    expect((await journal.run("r1"))?.state).toBe("done");
    await server.close();
    await journal.close();
  });

  /** Shows the newest trace of the chosen run beside the one before it, which is another file. */
  async function compareFiles(page: Page): Promise<void> {
    await page.getByLabel("Compare with").selectOption({ index: 1 });
    const opened = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "Show both" }).click();
    const both = await opened;
    await details(both).getByText("Compared with the run r1 (suspended)").waitFor();
    expect(both.url()).toMatch(
      /\/traces\/r1-[^/]+\.jsonl\/\?beside=r1-[^/]+\.jsonl#run=r1&with=r1&withNth=2$/,
    );
    expect(await both.getByLabel("Run", { exact: true }).locator("option").count()).toBe(2);
    await both.getByLabel("Compare with").selectOption({ index: 0 });
    await details(both).getByText("Compared with").waitFor({ state: "detached" });
    expect(both.url()).toMatch(/#run=r1$/);
    await both.close();
  }

  /** axe finds nothing, and nothing is wider than the screen: at three widths, in light and dark. */
  async function looksWell(page: Page, name: string): Promise<void> {
    for (const width of [1440, 1024, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const place = `${name}-${width}-${colorScheme}`;
        expect(await violations(page), place).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), place).toBe(width);
        await shot(page, place);
      }
    }
  }

  async function shot(page: Page, name: string): Promise<void> {
    const shots = process.env.SCREENSHOTS;
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) });
  }

  const screens = [
    ["phone", "light", { width: 390, height: 780 }],
    ["phone", "dark", { width: 390, height: 780 }],
    ["desktop", "light", { width: 1280, height: 800 }],
    ["desktop", "dark", { width: 1280, height: 800 }],
  ] as const;

  test.each(isFull ? screens : screens.slice(0, 1))(
    "fits a %s in %s",
    async (device, colorScheme, viewport) => {
      for (const [name, url] of Object.entries({ small, failed, large })) {
        await withPage(
          url,
          async (page) => {
            await page.locator(".node").first().waitFor();
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            expect(width, name).toBe(viewport.width);
            if (name !== "large") expect(await violations(page), name).toEqual([]);
            if (device === "desktop") {
              expect(await page.evaluate(() => document.documentElement.scrollHeight), name).toBe(
                viewport.height,
              );
            }
            await shot(page, `${name}-${device}-${colorScheme}`);
          },
          { viewport, colorScheme },
        );
      }
    },
  );
});
