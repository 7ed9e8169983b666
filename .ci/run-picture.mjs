// Makes docs/guide/images/run.png, the picture of a run's page: node .ci/run-picture.mjs, after npm run build.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, chain, Flow, Gate, node, parallel } from "sluice";
import { recordTrace } from "sluice/trace";

const root = fileURLToPath(new URL("..", import.meta.url));
const gate = new Gate({ name: "vendor", concurrency: 4 });

/** A call of about so many ms. */
const call = (name, ms, answer) =>
  node({
    name,
    gate,
    exec: async (_none, { charge }) => {
      await sleep(ms);
      charge(ms * 9);
      return answer;
    },
    post: (shared, _none, text) => {
      shared[name] = text;
    },
  });

class Summarise extends AsyncParallelBatchNode {
  prep(shared) {
    return shared.documents;
  }
  cost(text) {
    return text.length;
  }
  async exec(text, { index, attempt, charge }) {
    await sleep(40 + ((index * 37) % 90));
    charge(text.length + 240);
    if (index % 5 === 2 && attempt === 0) throw new Error("The connection was reset");
    if (index === 11)
      throw new Error("Context length exceeded: 9,000 of 8,192 tokens", {
        cause: new TypeError("token budget"),
      });
    return `${text.slice(0, 24)} …`;
  }
  post(shared, _documents, results) {
    shared.summaries = results.filter((result) => typeof result === "string");
    shared.tries = 0;
  }
}
const fetchDocuments = node({
  name: "FetchDocuments",
  exec: () => sleep(60),
  post: (shared) => {
    shared.documents = Array.from(
      { length: 18 },
      (_, n) => `Document ${n + 1} says how locks and weirs are built.`,
    );
  },
});
const summarise = new Summarise({ gate, concurrency: 6, attempts: 3, backoff: 40, onError: "collect" });
const judge = node({
  name: "Judge",
  exec: () => sleep(30),
  post: (shared) => (++shared.tries < 3 ? "again" : "good"),
});
const improve = call("Improve", 45, "a better draft");
const critique = new Flow(chain(call("ReadCritic", 40, "fair"), call("Score", 20, 8)), { name: "Critique" });
const finish = parallel([critique, call("Notify", 30, "sent")], { name: "Finish" });
class PerRegion extends AsyncParallelBatchFlow {
  prep() {
    return ["de", "fr", "it"].map((region) => ({ region }));
  }
  fork(shared) {
    return { ...shared };
  }
}
const perRegion = new PerRegion(chain(call("Translate", 70, "…"), call("Publish", 20, "done")));
chain(fetchDocuments, summarise, judge);
judge.branch({ again: improve, good: finish, unsure: node({ name: "AskHuman" }) });
improve.next(judge);
finish.next(perRegion);

const folder = mkdtempSync(join(tmpdir(), "sluice-picture-"));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const trace = recordTrace(join(folder, "run.jsonl"), { values: true });
  await new Flow(fetchDocuments, { name: "Newsletter" }).run({}, { events: trace.events });
  await trace.close();
  execFileSync(process.execPath, [join(root, "dist/cli/main.js"), "view", trace.path]);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(pathToFileURL(join(folder, "run.html")).href);
  await page.locator(".details", { hasText: "Newsletter" }).waitFor();
  await page.keyboard.press("f");
  await page.locator(".details", { hasText: "Summarise [11]" }).locator("text=Waited at gates").waitFor();
  await page.screenshot({ path: join(root, "docs/guide/images/run.png") });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
