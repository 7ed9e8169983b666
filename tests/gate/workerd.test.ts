// A gate and a handler at module level, across the requests of the real workerd.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = `
import { Flow, Gate, node } from "sluice";
import { createHandler } from "sluice/serve";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const gates = { slot: new Gate({ concurrency: 1 }), rate: new Gate({ rate: { requests: 20, per: 1_000, burst: 50 } }) };
const handler = createHandler(new Flow(node({ exec: () => sleep(50) })), { limits: { running: 1 } });
export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "handler") {
      const headers = { "content-type": "application/json" };
      return handler(new Request("http://flows/", { method: "POST", headers, body: "{}" }));
    }
    return new Response(await gates[name].run(async () => (await sleep(50), "done")));
  },
};`;

let runtime: Miniflare;
let url: URL;
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    alias: {
      sluice: `${root}src/index.ts`,
      "sluice/internal": `${root}src/internal.ts`,
      "sluice/serve": `${root}src/wings/serve/index.ts`,
    },
    bundle: true,
    format: "esm",
    target: "es2022",
    external: ["node:*"],
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  runtime = new Miniflare({ modules: true, script, compatibilityDate: "2025-09-01" });
  url = await runtime.ready;
});
afterAll(() => runtime.dispose());

test.each(["slot", "rate", "handler"])("%s: all callers are answered, again and again", async (name) => {
  for (let round = 0; round < 2; round++) {
    const calls = Array.from({ length: 4 }, () => fetch(new URL(name, url)).then(({ status }) => status));
    expect(await Promise.all(calls)).toEqual([200, 200, 200, 200]);
  }
});
