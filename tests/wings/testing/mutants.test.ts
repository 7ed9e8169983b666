// The contract of sluice/testing catches every driver that breaks one promise.
import type { Change, Entry, JournalDriver } from "sluice/journal";
import { journalContract } from "sluice/testing";
import { expect, test } from "vitest";
import { MemoryDriver } from "../../../src/wings/journal/drivers/memory.js";

/** A driver with some methods of its own in place of those of a good one. */
type Mutation = (good: MemoryDriver) => Partial<JournalDriver>;

function mutant(mutate: Mutation): JournalDriver {
  const good = new MemoryDriver();
  const changed = mutate(good) as Record<string | symbol, unknown>;
  return new Proxy(good as JournalDriver, {
    get(_, name) {
      if (name in changed) return changed[name];
      const value = good[name as keyof MemoryDriver];
      return typeof value === "function" ? value.bind(good) : value;
    },
  });
}

const commitOf =
  (good: MemoryDriver, changed: (changes: readonly Change[]) => readonly Change[]): JournalDriver["commit"] =>
  (id, epoch, changes) =>
    good.commit(id, epoch, changed(changes));

/** The newest epoch of each run, so that a mutant may write under it. */
function withEpochs(good: MemoryDriver) {
  const epochs = new Map<string, number>();
  const claim: JournalDriver["claim"] = (id, create) => {
    const claimed = good.claim(id, create);
    epochs.set(id, claimed.epoch);
    return claimed;
  };
  return { epochs, claim };
}

const mutations: Record<string, Mutation> = {
  "makes a run that may not be made": (good) => ({
    claim: (id, create) =>
      good.claim(id, create ?? { id, flow: "", version: null, graph: "", params: "", input: "" }),
  }),
  "gives one run to two": (good) => ({
    claim: (id, create) => {
      const run = good.run(id);
      if (!run?.isOwned) return good.claim(id, create);
      return { run, epoch: 1, isNew: false };
    },
  }),
  "takes commits of an earlier epoch": (good) => {
    const { epochs, claim } = withEpochs(good);
    return { claim, commit: (id, _epoch, changes) => good.commit(id, epochs.get(id) ?? 0, changes) };
  },
  "takes settlements of an earlier epoch": (good) => {
    const { epochs, claim } = withEpochs(good);
    return { claim, settle: (id, _epoch, settlement) => good.settle(id, epochs.get(id) ?? 0, settlement) };
  },
  "renews a claim that is lost": (good) => ({ renew: (id) => good.run(id)?.state === "cancelled" }),
  "checks the epoch after it has written": (good) => {
    const { epochs, claim } = withEpochs(good);
    return {
      claim,
      commit: (id, epoch, changes) => {
        if (good.run(id)?.isOwned) good.commit(id, epochs.get(id) ?? 0, changes);
        good.commit(id, epoch, []);
      },
    };
  },
  "commits one change after the other": (good) => ({
    commit: (id, epoch, changes) => {
      for (const change of changes) good.commit(id, epoch, [change]);
    },
  }),
  "commits puts before drops": (good) => ({
    commit: commitOf(good, (changes) => [
      ...changes.filter((change) => "put" in change),
      ...changes.filter((change) => !("put" in change)),
    ]),
  }),
  "commits drops before puts": (good) => ({
    commit: commitOf(good, (changes) => [
      ...changes.filter((change) => "drop" in change),
      ...changes.filter((change) => !("drop" in change)),
    ]),
  }),
  "keeps the first of two puts": (good) => ({
    commit: (id, epoch, changes) => {
      const isFirst = (change: Change, at: number) =>
        !("put" in change) ||
        at ===
          changes.findIndex(
            (each) => "put" in each && each.put.key === change.put.key && each.put.item === change.put.item,
          );
      good.commit(id, epoch, changes.filter(isFirst));
    },
  }),
  "drops what only begins like the key": (good) => ({
    commit: (id, epoch, changes) => {
      const begins = ({ drop }: { drop: string }): Change[] =>
        good
          .load(id, ["result", "once", "start", "walk", "batch", "store"])
          .filter(({ key }) => key.startsWith(drop))
          .map(({ kind, key, item }) => ({ delete: { kind, key, item } }));
      const all = changes.flatMap((change) => ("drop" in change ? [...begins(change), change] : [change]));
      good.commit(id, epoch, all);
    },
  }),
  "drops only at the key": (good) => ({
    commit: (id, epoch, changes) => {
      const at = ({ drop }: { drop: string }): Change[] =>
        good
          .load(id, ["result", "once", "start", "walk", "batch", "store"])
          .filter(({ key }) => key === drop)
          .map(({ kind, key, item }) => ({ delete: { kind, key, item } }));
      good.commit(
        id,
        epoch,
        changes.flatMap((change) => ("drop" in change ? at(change) : [change])),
      );
    },
  }),
  "loses the second page": (good) => ({
    items: (id, kind, key, after, limit) =>
      after === undefined ? good.items(id, kind, key, after, limit) : [],
  }),
  "gives the last item of a page again": (good) => ({
    items: (id, kind, key, after, limit) => {
      if (after === undefined) return good.items(id, kind, key, after, limit);
      const all = good.items(id, kind, key, undefined, Number.POSITIVE_INFINITY);
      return all.filter(({ item }) => item >= after).slice(0, limit);
    },
  }),
  "pages items as numbers": (good) => ({
    items: (id, kind, key, after, limit) =>
      good
        .items(id, kind, key, undefined, Number.POSITIVE_INFINITY)
        .filter(({ item }) => after === undefined || Number(item) > Number(after))
        .sort((a, b) => Number(a.item) - Number(b.item))
        .slice(0, limit),
  }),
  "sweeps all at once": (good) => ({
    sweep: (id, key) => good.sweep(id, key, Number.POSITIVE_INFINITY),
  }),
  "says that a sweep has ended after one slice": (good) => ({
    sweep: (id, key, limit) => {
      good.sweep(id, key, limit);
      return false;
    },
  }),
  "sweeps the store too": (good) => {
    const { epochs, claim } = withEpochs(good);
    return {
      claim,
      sweep: (id, key, limit) => {
        if (key !== "") return good.sweep(id, key, limit);
        const { state } = good.run(id)!;
        const { epoch } = good.claim(id, undefined);
        epochs.set(id, epoch);
        const stores: Entry[] = good.load(id, ["store"]);
        good.commit(
          id,
          epoch,
          stores.map(({ kind, key: at, item }) => ({ delete: { kind, key: at, item } })),
        );
        good.settle(id, epoch, { state });
        return good.sweep(id, key, limit);
      },
    };
  },
  "leaves the questions of what is dropped": (good) => ({
    questions: (() => {
      const seen = new Map<string, ReturnType<MemoryDriver["questions"]>[number]>();
      return (id?: string) => {
        for (const row of good.questions()) seen.set(row.token, row);
        return [...seen.values()].filter(({ run }) => id === undefined || run === id);
      };
    })(),
    answer: (token, answer) => (good.answer(token, answer) === "unknown" ? "answered" : "already"),
  }),
  "takes a second answer": (good) => ({
    answer: (token, answer) => {
      const was = good.answer(token, answer);
      return was === "already" ? "answered" : was;
    },
  }),
  "takes an answer that comes too late": (good) => ({
    answer: (token, answer) => {
      const was = good.answer(token, answer);
      return was === "expired" ? "answered" : was;
    },
  }),
  "suspends a run with an unseen answer": (good) => ({
    settle: (id, epoch, settlement) => {
      if (good.settle(id, epoch, settlement)) return true;
      good.settle(id, epoch, { ...settlement, state: "failed" });
      return true;
    },
  }),
  "looks for answers however a run ends": (good) => ({
    settle: (id, epoch, settlement) => {
      const tokens = good.questions(id).filter(({ answer }) => answer !== null);
      return tokens.length === 0 || settlement.state === "suspended"
        ? good.settle(id, epoch, settlement)
        : false;
    },
  }),
  "keeps the answer of a question that is open again": (good) => ({
    commit: commitOf(good, (changes) => changes.filter((change) => !("reopen" in change))),
  }),
  "does not note that an answer was taken": (good) => ({
    commit: commitOf(good, (changes) => changes.filter((change) => !("take" in change))),
  }),
  "lets a cancelled run be done": (good) => {
    const states = new Map<string, string>();
    const changed = <T extends { id: string; state: string }>(row: T): T =>
      ({ ...row, state: states.get(row.id) ?? row.state }) as T;
    return {
      settle: (id, epoch, settlement) => {
        states.set(id, settlement.state);
        return good.settle(id, epoch, settlement);
      },
      run: (id) => good.run(id) && changed(good.run(id)!),
    };
  },
  "does not say that a run was cancelled": (good) => ({
    renew: (id, epoch) => {
      good.renew(id, epoch);
      return false;
    },
  }),
  "prunes what may go on": (good) => ({
    prune: (olderThan) => {
      for (const { id, isOwned } of good.runs()) if (!isOwned) good.cancel(id);
      return good.prune(olderThan);
    },
  }),
  "prunes what is new": (good) => ({ prune: () => good.prune(0) }),
  "lists runs oldest first": (good) => ({ runs: (filter) => [...good.runs(filter as object)].reverse() }),
  "limits runs before it looks at their state": (good) => ({
    runs: ({ state, limit = Number.POSITIVE_INFINITY } = {}) =>
      good.runs({ limit }).filter((row) => state === undefined || row.state === state),
  }),
  "ends texts at a NUL": (good) => ({
    get: (id, kind, key, item) => good.get(id, kind, key, item)?.split("\0")[0],
    load: (id, kinds) =>
      good.load(id, kinds).map((entry) => ({ ...entry, value: entry.value.split("\0")[0]! })),
  }),
  "forgets hashes": (good) => ({
    items: (id, kind, key, after, limit) =>
      good.items(id, kind, key, after, limit).map(({ item }) => ({ item, hash: undefined })),
  }),
  "takes every commit for a row": (good) => {
    const isFresh = new Set<string>();
    return {
      commit: (id, epoch, changes) => {
        good.commit(id, epoch, changes);
        isFresh.add(id);
      },
      run: (id) => {
        const run = good.run(id);
        return run && { ...run, claims: isFresh.has(id) ? 0 : run.claims };
      },
    };
  },
  "forgets that no row was written": (good) => ({
    claim: (id, create) => {
      const claim = good.claim(id, create);
      return { ...claim, run: { ...claim.run, claims: 0 } };
    },
  }),
};

/** The first case that a driver does not pass. */
async function broken(driver: () => JournalDriver): Promise<string | undefined> {
  for (const { name, run } of journalContract(async () => ({ driver: driver(), close: () => {} }))) {
    try {
      await run();
    } catch {
      return name;
    }
  }
  return undefined;
}

test("the driver that the mutants are made from keeps the contract", async () => {
  expect(await broken(() => mutant(() => ({})))).toBeUndefined();
});

test.each(Object.entries(mutations))("it catches a driver that %s", async (_name, mutate) => {
  expect(await broken(() => mutant(mutate))).toEqual(expect.any(String));
});
