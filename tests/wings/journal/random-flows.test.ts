import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { inWords, sized } from "../../support/size.js";
import { journalOn, RecordedDriver } from "./support/crashes.js";
import { type Disturbance, firstStore, randomFlow, randomOf, type Store } from "./support/random-flows.js";

const COUNT = sized(300, 25);
const undisturbed: Disturbance = { exec: () => {}, hook: () => {} };

/** Lists whose order depends on timing, in an order of their own. */
function settled(store: Store): unknown {
  const sort = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value.map(sort).sort((a, b) => ((JSON.stringify(a) ?? "") < (JSON.stringify(b) ?? "") ? -1 : 1));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, sort(each)]));
  };
  return { store: sort(store), isAlias: store.alias === store.constants.a };
}

async function expected(seed: number): Promise<unknown> {
  const store = firstStore();
  await randomFlow(seed, undisturbed).run(store);
  return settled(store);
}

/** Starts a run again and again, as its process would, until it is done. */
async function finish(
  driver: RecordedDriver,
  seed: number,
  disturb: () => Disturbance,
  options: () => object = () => ({}),
) {
  const journal = journalOn(driver);
  for (let start = 0; start < 60; start++) {
    const store = driver.load("r", ["store"]).length === 0 ? firstStore() : {};
    try {
      await randomFlow(seed, start > 40 ? undisturbed : disturb()).run(store, {
        journal,
        runId: "r",
        ...(start > 40 ? {} : options()),
      });
      return { store: settled(store as Store), starts: start + 1 };
    } catch (error) {
      if (!["crash", "abort", "drain"].some((word) => String(error).includes(word))) throw error;
    }
  }
  throw new Error("did not end");
}

/** Does something for each seed, many at once: they mostly wait. */
async function forEachSeed(work: (seed: number) => Promise<void>): Promise<void> {
  const AT_ONCE = 25;
  for (let first = 1; first <= COUNT; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_each, at) => work(first + at)));
  }
}

beforeAll(() => void vi.spyOn(process, "emitWarning").mockImplementation(() => {}));
afterAll(() => vi.restoreAllMocks());

describe(`${inWords(COUNT)} random graphs on a journal`, () => {
  test("end as without one, whatever hooks fail half-way, and whenever they are aborted or drained", async () => {
    let starts = 0;
    await forEachSeed(async (seed) => {
      const random = randomOf(seed * 7_919);
      const disturb = (): Disturbance => {
        let left = Math.floor(random() * 40);
        const next = () => {
          if (--left === 0) throw new Error("crash");
        };
        return random() < 0.5 ? { exec: next, hook: () => {} } : { exec: () => {}, hook: next };
      };
      const options = () => {
        const kind = random();
        const controller = new AbortController();
        setTimeout(() => controller.abort(new Error(kind < 0.5 ? "abort" : "drain")), random() * 15);
        return kind < 0.3 ? { signal: controller.signal } : kind > 0.7 ? { drain: controller.signal } : {};
      };
      const ended = await finish(new RecordedDriver(), seed, disturb, options);
      starts += ended.starts;
      expect(ended.store, `seed ${seed}`).toEqual(await expected(seed));
    });
    expect(starts).toBeGreaterThan(COUNT * 2);
  }, 900_000);

  test("end as without one from wherever their process was killed", async () => {
    await forEachSeed(async (seed) => {
      const random = randomOf(seed * 104_729);
      const wanted = await expected(seed);
      let driver = new RecordedDriver();
      for (let kills = 0; kills <= sized(4, 2); kills++) {
        const { store } = await finish(driver, seed, () => undisturbed);
        expect(store, `seed ${seed} after ${kills} kills`).toEqual(wanted);
        driver = driver.killedAfter(1 + Math.floor(random() * (driver.writes.length - 1)));
      }
    });
  }, 900_000);
});
