// The symbols by which builds of sluice recognise each other's objects: an ES module and a CommonJS build, or two
// versions, may share a process. Imports nothing.
//
// The number in a key is the version of the layout behind it. It is raised only when the layout changes, so that a
// build never misreads the object of another.

/** On a SluiceError. */
export const ERROR = Symbol.for("sluice/1.error");
/** Of the process: the places of errors. */
export const LOCATIONS = Symbol.for("sluice/1.locations");
/** Of the process: the event-loop yields of its runs. */
export const YIELDS = Symbol.for("sluice/1.yields");

/** On an emitter: returns a promise that `ctx.emit` awaits while the reader is behind, otherwise `undefined`. */
export const BACKPRESSURE = Symbol.for("sluice/1.backpressure");
/** On an emitter: returns the listeners of one run. */
export const LISTENERS_OF_RUN = Symbol.for("sluice/1.listenersOfRun");
/** On an emitter: receives the values of steps and items. */
export const VALUES = Symbol.for("sluice/1.values");

/** On a journal: its interface to the engine. */
export const JOURNAL = Symbol.for("sluice/1.journal");

/** On an executor: its interface to the engine. */
export const EXECUTOR = Symbol.for("sluice/1.executor");

/** On a Gate. */
export const GATE = Symbol.for("sluice/1.gate");
/** On a SharedLimit: creates the feed of a gate. */
export const SHARED_LIMIT = Symbol.for("sluice/1.sharedLimit");
/** On a context: the gate slots of its hook. */
export const HELD = Symbol.for("sluice/1.held");

/** On a node: the engine's data. */
export const NODE = Symbol.for("sluice/1.node");
/** On a node: the work between `prep` and `post`. */
export const MIDDLE = Symbol.for("sluice/1.middle");
/** On a node: begins `run()`. */
export const BEGIN = Symbol.for("sluice/1.begin");
/** On a flow: walks once. */
export const WALK = Symbol.for("sluice/1.walk");
/** On an ItemFailure. */
export const FAILURE = Symbol.for("sluice/1.failure");

/** In a context of OpenTelemetry: the sluice span that it belongs to. */
export const OTEL_SPAN = Symbol.for("sluice/1.otelSpan");
/** On a ThreadPool. */
export const THREAD_POOL = Symbol.for("sluice/1.threadPool");
/** Of a thread: the objects marked by `move()`. thread.cjs repeats the key, because it imports nothing. */
export const MOVES = Symbol.for("sluice/1.moves");
