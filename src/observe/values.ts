// The inputs and results of steps and items, and their stores, for an emitter that requests them; events do not have
// these. Types only.

/** Receives values synchronously. Must not throw. */
export interface ValueSink {
  /** Called before a step calls `prep`. */
  begun(step: number, shared: unknown): void;
  /** Called with the result of `prep`. */
  prepared(step: number, value: unknown): void;
  /** Called before `post`, with its input. */
  executed(step: number, result: unknown): void;
  /** Called before an item or an iteration begins, with the item or the params. */
  given(item: number, input: unknown): void;
  /** Called with the result of an item. */
  gave(item: number, result: unknown): void;
}
