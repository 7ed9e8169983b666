import { rmSync, statSync } from "node:fs";
import { AsyncParallelBatchNode, Flow } from "sluice";
import { openJournal } from "sluice/journal";
const ITEMS = Number(process.argv[2] ?? 100_000);
const path = "/tmp/million.db";
for (const s of ["", "-wal", "-shm", ".owner"]) rmSync(path + s, { force: true });
const text = "x".repeat(260);
let broken = true, calls = 0;
class Items extends AsyncParallelBatchNode<any, any, any> {
  override prep() { return Array.from({ length: ITEMS }, (_, n) => ({ n, text })); }
  override async exec(item: any) { calls++; if (broken && item.n === ITEMS - 1) throw new Error("down"); return { n: item.n, text }; }
  override post(shared: any, _i: unknown, r: unknown[]) { shared.count = r.length; return undefined; }
}
const flow = () => new Flow(new Items({ name: "Items", concurrency: 64 }) as never, { name: "M" });
const journal = await openJournal(path);
const mem = () => { (globalThis as any).gc?.(); return process.memoryUsage().heapUsed / 1e6; };
const t = async (what: string, f: () => Promise<unknown>) => { const m = mem(); const a = performance.now(); let peak = 0; const timer = setInterval(() => { peak = Math.max(peak, process.memoryUsage().heapUsed / 1e6); }, 50); try { await f(); } catch (e) { console.log(String(e).slice(0, 100)); } clearInterval(timer); const ms = performance.now() - a; console.log(what, ms.toFixed(0), "ms", ((ms * 1000) / ITEMS).toFixed(1), "us/item; heap", m.toFixed(0), "peak", peak.toFixed(0), "after", mem().toFixed(0), "db", (statSync(path).size / 1e6).toFixed(1), "MB; calls", calls); };
if (process.argv[3] !== "resume") await t("unjournaled", () => { broken = false; return flow().run({} as never).finally(() => { broken = true; calls = 0; }); });
await t("written", () => flow().run({ a: 1 } as never, { journal, runId: "m" }));
broken = false; calls = 0;
const shared = {} as any;
await t("resumed", () => flow().run(shared, { journal, runId: "m" }));
console.log(shared);
await journal.close();
console.log("db", (statSync(path).size / 1e6).toFixed(2), "MB");
