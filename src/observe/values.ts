// What steps and items are given and give, and the stores that they work on, for an emitter that asks for it: no event
// has that. Types only.

/** Takes values as they pass; called in the turn in which they do. Must not throw. */
export interface ValueSink {
  /** A step is about to call `prep`. */
  begun(step: number, shared: unknown): void;
  /** `prep` has given this. */
  prepared(step: number, value: unknown): void;
  /** A step is about to call `post` with this. */
  executed(step: number, result: unknown): void;
  /** An item, or the params of an iteration, is about to begin. */
  given(item: number, input: unknown): void;
  /** An item has come to this. */
  gave(item: number, result: unknown): void;
}
