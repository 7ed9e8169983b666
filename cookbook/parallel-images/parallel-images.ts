// Runs a graph for each picture and filter, several in parallel, and gives each iteration its own store.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AsyncParallelBatchFlow, type BaseNode, type Context, chain, node } from "sluice";
import type { Filter } from "./filters.js";

export type Task = { readonly picture: string; readonly filter: Filter };

export interface Shared {
  readonly from: string;
  readonly to: string;
  readonly tasks: readonly Task[];
  /** The data between the steps of one iteration. */
  png?: Uint8Array;
  filtered?: Uint8Array;
  /** The files that were written. */
  readonly files: string[];
}

/** Filters a PNG, here or in a thread. The context passes the signal, which ends a thread. */
export type Apply = (png: Uint8Array, filter: Filter, ctx: Context) => Promise<Uint8Array>;

export class EachTask extends AsyncParallelBatchFlow<Shared, Task> {
  constructor(start: BaseNode<Shared>, concurrency: number) {
    super(start, { concurrency });
  }

  override prep({ tasks }: Shared) {
    return tasks;
  }

  /** The store of one iteration. Without this hook all iterations share one store, and one reads what another writes. */
  override fork({ from, to }: Shared): Shared {
    return { from, to, tasks: [], files: [] };
  }

  /** Merges the store of an iteration that succeeded; called one at a time. */
  override join({ files }: Shared, _task: Task, own: Shared): void {
    files.push(...own.files);
  }
}

/** Load, apply, save. */
export function createSteps(apply: Apply): BaseNode<Shared> {
  const load = node({
    name: "Load",
    prep: ({ from }: Shared, { params }: Context<Task>) => join(from, params.picture),
    exec: (path, { signal }) => readFile(path, { signal }),
    post: (shared, _path, png) => {
      shared.png = png;
    },
  });
  const applyFilter = node({
    name: "ApplyFilter",
    prep: ({ png }: Shared, { params }: Context<Task>) => ({ png: png as Uint8Array, filter: params.filter }),
    exec: ({ png, filter }, ctx) => apply(png, filter, ctx),
    post: (shared, _input, filtered) => {
      shared.filtered = filtered;
    },
  });
  const save = node({
    name: "Save",
    prep: async (shared: Shared, { params }: Context<Task>) => {
      await mkdir(shared.to, { recursive: true }); // meanwhile other iterations run
      return {
        file: `${params.filter}-${params.picture}`,
        to: shared.to,
        filtered: shared.filtered as Uint8Array,
      };
    },
    exec: async ({ file, to, filtered }, { signal }) => {
      await writeFile(join(to, file), filtered, { signal });
      return file;
    },
    post: ({ files }, _input, file) => {
      files.push(file);
    },
  });
  return chain(load, applyFilter, save);
}

export const createImagesFlow = (apply: Apply, concurrency = 8) =>
  new EachTask(createSteps(apply), concurrency);
