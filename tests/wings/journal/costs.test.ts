import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { describe, expect, test, vi } from "vitest";
import type { Change, EntryKind } from "../../../src/wings/journal/driver.js";
import { inWords, sized } from "../../support/size.js";
import { RecordedDriver } from "./support/crashes.js";
import { Started, type Store } from "./support/started.js";

/** Counts what is asked of it. */
class CountingDriver extends RecordedDriver {
  commits = 0;
  puts = 0;
  gets = 0;

  override commit(id: string, epoch: number, changes: readonly Change[]): void {
    this.commits++;
    this.puts += changes.filter((change) => "put" in change).length;
    super.commit(id, epoch, changes);
  }

  override get(id: string, kind: EntryKind, key: string, item: string) {
    this.gets++;
    return super.get(id, kind, key, item);
  }
}

const ITEMS = sized(20_000, 2_000);
test(`${inWords(ITEMS)} items take a row each, few commits, and no call when they are resumed`, async () => {
  const started = new Started();
  const driver = new CountingDriver();
  started.driver = driver;
  started.journal = new (
    started.journal.constructor as new (
      driver: CountingDriver,
    ) => typeof started.journal
  )(driver);
  let calls = 0;
  let isBroken = true;
  const text = "x".repeat(280);
  class Items extends AsyncParallelBatchNode<
    Store,
    { n: number; text: string },
    { n: number; text: string }
  > {
    override *prep() {
      for (let n = 0; n < ITEMS; n++) yield { n, text };
    }
    override async exec(item: { n: number; text: string }) {
      if (isBroken && item.n === ITEMS - 1) throw new Error("down");
      calls++;
      return { n: item.n, text };
    }
    override post(shared: Store, _items: unknown, results: unknown[]) {
      shared.count = results.length;
      return undefined;
    }
  }
  const flow = () => new Flow<Store>(new Items({ name: "Items", concurrency: 64 }));
  await started.failure(flow());
  expect(driver.puts).toBeLessThan(ITEMS + 50);
  expect(driver.commits).toBeLessThan(ITEMS / 16);
  const before = calls;
  isBroken = false;
  expect((await started.run(flow())).store).toEqual({ count: ITEMS });
  expect(calls - before).toBe(ITEMS - before);
  expect(driver.gets).toBeLessThanOrEqual(ITEMS + 1);
});

test("a chain of steps leaves no row behind, and takes at most a commit for each step", async () => {
  const started = new Started();
  const driver = new CountingDriver();
  started.driver = driver;
  started.journal = new (
    started.journal.constructor as new (
      driver: CountingDriver,
    ) => typeof started.journal
  )(driver);
  const loop = node({
    name: "Step",
    prep: (shared: Store) => shared.n ?? 0,
    exec: async (n: number) => n + 1,
    post: (shared, _n, next) => {
      shared.n = next;
      return next < 500 ? "again" : "end";
    },
  });
  loop.on("again", loop).end("end");
  await started.run(new Flow<Store>(loop as never));
  expect(driver.commits).toBeLessThan(1_100);
  expect(driver.load("r", ["result", "walk", "batch", "start", "once"])).toEqual([]);
});

describe("a checkpoint that takes over 40 ms", () => {
  const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ n, text: "x".repeat(200) }));
  const LARGE = 60_000;

  async function warningsOf(store: Store, list: unknown[]): Promise<string[]> {
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const items = node({
      name: "List",
      prep: () => list,
      exec: () => Promise.reject(new Error("down")), // so that there is a checkpoint in its step
    });
    await new Started().failure(new Flow<Store>(items as never), store);
    const codes = emitWarning.mock.calls.map(
      ([text, options]) => `${(options as { code?: string }).code} ${text}`,
    );
    emitWarning.mockRestore();
    return codes.filter((code) => code.startsWith("SLUICE_LARGE_STORE"));
  }

  test("for a store warns once, and names its largest key", async () => {
    expect(await warningsOf({ small: "s", large: rows(LARGE) }, [])).toEqual([
      expect.stringMatching(/its largest part is "large" with [\d,]+ characters/),
    ]);
  });

  test("for what a `prep` returned, which is written once, does not", async () => {
    expect(await warningsOf({ small: "s" }, rows(LARGE))).toEqual([]);
  });
});
