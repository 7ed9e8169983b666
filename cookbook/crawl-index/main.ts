// The program: read crawl-index.ts first. A second start continues the crawl.
import { openJournal } from "sluice/journal";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createCrawlFlow, createShared, runIdOf } from "./crawl-index.js";
import { Index } from "./index-db.js";
import { fetchPage } from "./page.js";
import { fetchSample, SAMPLE } from "./sample.js";

const DEFAULTS = { limit: 100, db: "site.db", ask: "When was the lock built?" };
const USAGE = "[url] [--limit 100] [--db file] [--ask question]";

await program(USAGE, DEFAULTS, async ({ words: [url = SAMPLE], flags: { limit, db, ask }, run }) => {
  if (!/^https?:\/\/./.test(url)) throw new UsageError(`Expected a URL such as ${SAMPLE}, got "${url}".`);
  const shared = createShared(new URL(url).href, limit);
  const [model, index] = [await connect("crawl-index"), new Index(db)];
  await using journal = await openJournal(`${db}.journal`);
  const flow = createCrawlFlow(model, index, url === SAMPLE ? fetchSample : fetchPage);
  await flow.run(shared, { ...run, journal, runId: runIdOf(shared) });
  for (const [failed, error] of Object.entries(shared.failed)) console.log(`${failed}: ${error}`);
  if (Object.keys(shared.failed).length > 0) process.exitCode = 1;
  const [vector = []] = await model.embed([ask], { signal: run.signal, charge: () => {} });
  for (const found of index.nearest(vector, 3)) console.log(`\n${found.url}\n${found.text}`);
});
