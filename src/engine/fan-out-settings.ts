// The settings of a batch node's fan-out. Types only.

/** The concurrency of items, and the handling of a failed one. */
export interface FanOutSettings {
  readonly concurrency: number;
  readonly collect: boolean;
  /** The number of items that may fail under `collect`. */
  readonly maxFailures: number | undefined;
}

/** Adds the properties of the kind of batch; not copied with `...`, which gives each copy its own hidden class. */
export interface FanOutKind extends FanOutSettings {
  /** Whether work that ignores an abort may be abandoned: true if it has no access to the store. */
  readonly leaf: boolean;
  /** Whether results are gathered in a list. */
  readonly keepResults: boolean;
  /** Whether finished items are passed to `deliver`. */
  readonly delivers: boolean;
}
