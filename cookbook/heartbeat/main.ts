// The program: read heartbeat.ts first.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { program } from "../lib/main.js";
import { createBeatFlow, keepBeating, type Shared, type State } from "./heartbeat.js";

const DEFAULTS = { every: "*/2 * * * * *", once: false };
await program("[addresses …] [--every cron] [--once]", DEFAULTS, async ({ words, flags, run }) => {
  // Without addresses it watches this server, which is up twice, down twice, and so on.
  let asked = 0;
  const server = createServer((_, response) => response.writeHead(asked++ % 4 < 2 ? 200 : 503).end());
  await new Promise((resolve) => server.unref().listen(0, "127.0.0.1", () => resolve(undefined)));
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const log = (text: string) => console.log(`${new Date().toLocaleTimeString("en-GB")}  ${text}`);
  const report = (changes: readonly State[]) => {
    for (const { url, isUp, detail } of changes) log(`${isUp ? "up  " : "down"}  ${url} (${detail})`);
  };
  const shared: Shared = { urls: words.length > 0 ? words : [own], reported: new Map(), states: [] };
  const beat = () => createBeatFlow(report).run(shared, run);
  const onProblem = (error: unknown) => log((error as Error).message);
  if (!flags.once) return await keepBeating(flags.every, beat, run.drain, onProblem);
  await beat();
  if (shared.states.some(({ isUp }) => !isUp)) process.exitCode = 1;
});
