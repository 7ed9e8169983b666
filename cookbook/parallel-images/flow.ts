// The graph: load → apply → save, walked once for each picture and filter, several at once.
import { AsyncParallelBatchFlow, chain, type Flow } from "sluice";
import { ApplyFilter, LoadImage, SaveImage, type Shared, type Task } from "./nodes.js";
import { filterNames, motifNames } from "./pictures.js";
import type { Work } from "./work.js";

/** What the flows work with. */
export interface ImagesDeps {
  readonly work: Work;
  /** How many walks at once. */
  readonly concurrency: number;
  /** @default each picture with each filter */
  readonly tasks?: readonly Task[];
}

/** Every picture with every filter. */
export const allTasks: readonly Task[] = motifNames.flatMap((motif) =>
  filterNames.map((filter) => ({ motif, filter })),
);

/** All walks on one store, as PocketFlow's recipe has it: what one writes, another reads. */
class OnOneStore extends AsyncParallelBatchFlow<Shared, Task> {
  readonly #tasks: readonly Task[];

  constructor({ work, concurrency, tasks = allTasks }: ImagesDeps) {
    super(chain(new LoadImage(work), new ApplyFilter(work), new SaveImage(work)), { concurrency });
    this.#tasks = tasks;
  }

  override prep(): readonly Task[] {
    return this.#tasks;
  }
}

/** Each walk on a store of its own. These two hooks are the whole difference. */
class OnItsOwnStore extends OnOneStore {
  /** The store that one walk works on. */
  override fork({ from, to }: Shared): Shared {
    return { from, to, files: [] };
  }

  /** What the others get to see of it; called one at a time, and only for walks that succeeded. */
  override join(shared: Shared, _task: Task, own: Shared): void {
    shared.files.push(...own.files);
  }
}

/** Creates the flow that filters images. */
export function createImagesFlow(deps: ImagesDeps): Flow<Shared> {
  return new OnItsOwnStore(deps);
}

/** Creates the flow that mixes images up. Do not copy this one. */
export function createMixedUpFlow(deps: ImagesDeps): Flow<Shared> {
  return new OnOneStore(deps);
}
