// Flows whose runs a journal keeps, for the tests of `sluice runs`.
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AsyncParallelBatchNode, type Context, Flow, node } from "sluice";

interface Drafts {
  drafts: string[];
  verdicts?: unknown[];
  /** Transient. */
  client?: { readonly name: string };
  by?: string;
}

class Approve extends AsyncParallelBatchNode<Drafts, string, unknown> {
  override prep(shared: Drafts) {
    return shared.drafts;
  }
  override exec(draft: string, { ask }: Context) {
    return ask({ draft });
  }
  override post(shared: Drafts, _drafts: string[], verdicts: unknown[]) {
    shared.verdicts = verdicts;
    return "asked" as const;
  }
}

/** Asks about each draft, and ends with what it was told. */
export function createApprovals(): Flow<Drafts> {
  const report = node({
    name: "Report",
    prep: (shared: Drafts) => shared,
    post: (shared) => `${shared.client?.name ?? "no client"}: ${JSON.stringify(shared.verdicts)}`,
  });
  const approve = new Approve({ name: "Approve" });
  approve.on("asked", report);
  return new Flow(approve, { name: "Approvals", transient: ["client"] });
}

interface Wait {
  /** The file that a step waits for. */
  file: string;
  waited?: number;
}

/** Two steps, each of which says that it waits, and waits for a file. */
export function createWaits(): Flow<Wait> {
  const wait = (name: string) =>
    node({
      name,
      prep: (shared: Wait) => shared.file,
      exec: async (file, { signal }) => {
        console.log(`${name} waits`);
        while (!existsSync(file)) await sleep(5, undefined, { signal });
      },
      post: (shared) => {
        shared.waited = (shared.waited ?? 0) + 1;
      },
    });
  const first = wait("First");
  first.next(wait("Second"));
  return new Flow(first, { name: "Waits" });
}

/** Fails, with what would colour a terminal. */
export const createFails = (): Flow =>
  new Flow(
    node({
      name: "Parse",
      exec: () => {
        throw new Error("not \u001b[31mJSON, from https://me:pw@vendor.example/");
      },
    }),
    { name: "Fails" },
  );
