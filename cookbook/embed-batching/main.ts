// Embeds a thousand paragraphs, one call for each, and counts the requests that became of them.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { Gate } from "sluice";
import { createEmbedFlow } from "./flow.js";
import { createEmbedder } from "./llm.js";
import type { Shared } from "./nodes.js";

const limit = Number(process.argv[2] ?? 1_000);
const maxSize = Number(process.argv[3] ?? 100);
if (![limit, maxSize].every((value) => Number.isSafeInteger(value) && value >= 1) || maxSize > 2_048) {
  console.error(
    "Usage: npm start -- [paragraphs] [paragraphs a request, up to 2048], such as: npm start -- 1000 100",
  );
  process.exit(2);
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    process.exitCode = 128 + constants.signals[name];
    stop.abort(new Error(`Stopped by ${name}`));
  });
}

const apiKey = process.env.OPENAI_API_KEY?.trim();
const mock = apiKey ? undefined : new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
try {
  if (mock !== undefined) await mock.start();
  const baseURL = mock === undefined ? process.env.OPENAI_BASE_URL?.trim() : `${mock.url}/v1`;
  console.log(
    mock === undefined
      ? `Using ${baseURL ?? "https://api.openai.com/v1"}.`
      : `No OPENAI_API_KEY: using a local stand-in at ${baseURL}.\nIts embeddings are computed from the texts: equal for equal ones, and else without meaning.`,
  );
  const client = new OpenAI({ apiKey: apiKey ?? "none", baseURL: baseURL ?? null, maxRetries: 0 });
  await find(client);
} catch (error) {
  if (!stop.signal.aborted) throw error;
  console.log("\nStopped.");
} finally {
  await mock?.stop();
}

async function find(client: OpenAI): Promise<void> {
  const gate = new Gate({
    concurrency: 4,
    rate: { requests: 3_000, tokens: 1_000_000, per: 60_000, burst: 60_000 },
  });
  const embedder = createEmbedder({ client, model: "text-embedding-3-small", gate, maxSize });
  const shared: Shared = { folder: home(), limit, paragraphs: [], embeddings: [], twins: [] };
  const startedAt = performance.now();
  await createEmbedFlow({ embedder, concurrency: 4 * maxSize }).run(shared, { signal: stop.signal });
  const time = (performance.now() - startedAt) / 1_000;

  console.log(`\n  paragraphs        ${shared.embeddings.length}`);
  console.log(
    `  requests          ${embedder.requests.length}, with ${embedder.requests.join(" + ")} paragraphs`,
  );
  console.log(`  time              ${time.toFixed(2)} s`);
  console.log(`\nSaid more than once: ${shared.twins.length} paragraphs.`);
  for (const group of shared.twins.slice(0, 3)) {
    const where = [...new Set(group.map(({ file }) => basename(dirname(file))))].slice(0, 3).join(", ");
    console.log(`  ${group.length} × ${JSON.stringify(group[0]?.text.slice(0, 50))} (${where})`);
  }
}

/** The nearest folder with packages in it, from here upward. */
function home(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "node_modules/openai")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return folder;
}
