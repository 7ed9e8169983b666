// emitter(): for the option `events` of runs. The only module of the core that needs eventemitter3 at run time.
import { EventEmitter } from "eventemitter3";
import type { RunEmitter, RunEvents } from "./events.js";

/**
 * Creates an emitter for the option `events` of a run, an `EventEmitter` of eventemitter3.
 *
 * @example
 * ```ts
 * import { emitter, Flow, node } from "sluice";
 *
 * const events = emitter();
 * const seen: string[] = [];
 * events.on("step", ({ phase, path }) => seen.push(`${phase} ${path.at(-1)}`));
 * await new Flow(node({ name: "Greet" })).run({}, { events });
 * seen; // => ["start Greet", "end Greet"]
 * ```
 */
export const emitter = (): RunEmitter => new EventEmitter<RunEvents>();
