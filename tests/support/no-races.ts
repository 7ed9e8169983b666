// Every flow of the cookbook's tests runs on a store that finds races: two nodes that use a key without order.
import { type Around, Flow, type RunOptions } from "sluice";
import { detectRaces, type RaceDetector } from "sluice/testing";
import { afterEach, expect } from "vitest";

type Entry = (this: unknown, shared: object, options?: RunOptions) => unknown;
type Entries = Record<"run" | "stream", Entry>;

/** A flow of parallel-images that is there to show what one store mixes up. */
const RACY = "(OnOneStore / ";

let detectors: RaceDetector<object>[] = [];
const watched = new WeakSet<object>();

for (const name of ["run", "stream"] as const) {
  let owner = Flow.prototype as unknown as Entries;
  while (!Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  const entry = owner[name];
  owner[name] = function (shared, options = {}) {
    // A run inside a hook has the store of the run around it.
    if (watched.has(shared) || "ctx" in options) return entry.call(this, shared, options);
    const detector = detectRaces(shared);
    watched.add(detector.shared);
    detectors.push(detector);
    const around: Around[] = [detector.around, ...[options.around ?? []].flat()];
    return entry.call(this, detector.shared, { ...options, around });
  };
}

afterEach(() => {
  const found = detectors.flatMap((detector) => detector.races().map(({ message }) => message));
  detectors = [];
  expect(found.filter((message) => !message.includes(RACY))).toEqual([]);
});
