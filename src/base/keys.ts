// Every key by which builds of sluice know each other's objects: an ES module and a CommonJS one may meet in a
// process, and so may two versions. Imports nothing.
//
// The number in a key is that of the layout behind it. It is raised only when the layout changes, so that a build
// takes nothing for its own that it would misread.

/** On our errors. */
export const ERROR = Symbol.for("sluice/1.error");
/** Of the process: where errors happened. */
export const LOCATIONS = Symbol.for("sluice/1.locations");
/** Of the process: when its runs yield to the event loop. */
export const YIELDS = Symbol.for("sluice/1.yields");

/** On an emitter: gives a promise for `ctx.emit` to wait for while its reader is behind, and nothing otherwise. */
export const BACKPRESSURE = Symbol.for("sluice/1.backpressure");
/** On an emitter: gives the listeners of one run, in place of its own. */
export const LISTENERS_OF_RUN = Symbol.for("sluice/1.listenersOfRun");
/** On an emitter: takes what steps and items are given and give. */
export const VALUES = Symbol.for("sluice/1.values");

/** On a journal: how it takes a run. */
export const JOURNAL = Symbol.for("sluice/1.journal");

/** On an executor: what the engine asks of it. */
export const EXECUTOR = Symbol.for("sluice/1.executor");

/** On a Gate. */
export const GATE = Symbol.for("sluice/1.gate");
/** On a SharedLimit: how it feeds a gate. */
export const SHARED_LIMIT = Symbol.for("sluice/1.sharedLimit");
/** On a context: the slots of gates that its hook holds. */
export const HELD = Symbol.for("sluice/1.held");

/** On a node: what the engine keeps of it. */
export const NODE = Symbol.for("sluice/1.node");
/** On a node: what it does between `prep` and `post`. */
export const MIDDLE = Symbol.for("sluice/1.middle");
/** On a node: how `run()` begins. */
export const BEGIN = Symbol.for("sluice/1.begin");
/** On a flow: one walk of it. */
export const WALK = Symbol.for("sluice/1.walk");
/** On what stands in the place of a failed item. */
export const FAILURE = Symbol.for("sluice/1.failure");

/** In a context of OpenTelemetry: the span of ours that it belongs to. */
export const OTEL_SPAN = Symbol.for("sluice/1.otelSpan");
/** On a ThreadPool. */
export const THREAD_POOL = Symbol.for("sluice/1.threadPool");
/** Of a thread: what `move()` has marked. thread.cjs, which imports nothing of ours, repeats it. */
export const MOVES = Symbol.for("sluice/1.moves");
