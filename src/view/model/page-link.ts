// What the URL of a page says: which run is shown, and which span of it is chosen.
import type { RunModel } from "./run-model.js";
import type { Span } from "./span.js";

/** A place in a trace. */
export interface Place {
  readonly run: RunModel;
  readonly span: Span | undefined;
}

/** The part of the URL after `#`. Runs of one id are distinguished by their number among these, from 1. */
export function linkTo({ run, span }: Place, runs: readonly RunModel[]): string {
  const twins = runs.filter(({ id }) => id === run.id);
  const nth = twins.indexOf(run) + 1;
  return new URLSearchParams({
    run: run.id,
    ...(nth > 1 && { nth: String(nth) }),
    ...(span !== undefined && { span: String(span.id) }),
  }).toString();
}

/** What a link leads to; `undefined` where it names no run, or one that is not here (yet). */
export function placeIn(link: string, runs: readonly RunModel[]): Place | undefined {
  const given = new URLSearchParams(link.replace(/^#/, ""));
  const id = given.get("run");
  if (id === null) return undefined;
  const run = runs.filter((each) => each.id === id)[Number(given.get("nth") ?? 1) - 1];
  const span = given.get("span");
  return run && { run, span: span === null ? undefined : run.spans.get(Number(span)) };
}
