// How the items of a batch run, as its node keeps it. Types only.

/** How many items run at once, and what becomes of a failed one. */
export interface FanOutSettings {
  readonly concurrency: number;
  readonly collect: boolean;
  /** How many items may fail under `collect`. */
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
