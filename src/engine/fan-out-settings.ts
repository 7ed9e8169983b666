// How the items of a batch run, as its node keeps it. Types only.

/** The concurrency of items, and the handling of a failed one. */
export interface FanOutSettings {
  readonly concurrency: number;
  readonly collect: boolean;
  /** The number of items that may fail under `collect`. */
  readonly maxFailures: number | undefined;
}

/** The same, and what the kind of batch says of it; not copied with `...`, which gives each copy a shape of its own. */
export interface FanOutKind extends FanOutSettings {
  /** Whether work that ignores an abort may be abandoned: true when none of it touches the store. */
  readonly leaf: boolean;
  /** Whether results are gathered in a list. */
  readonly keepResults: boolean;
  /** Whether finished items go to the store through `deliver`. */
  readonly delivers: boolean;
}
