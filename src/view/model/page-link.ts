// What the URL of a page says: which run is shown, with which other it is compared, and which span is chosen.
import type { RunModel } from "./run-model.js";
import type { Span } from "./span.js";

/** A place in a trace. */
export interface Place {
  readonly run: RunModel;
  /** The run that it is compared with. */
  readonly other?: RunModel | undefined;
  readonly span: Span | undefined;
}

/** A place that a URL leads to. */
export interface FoundPlace extends Place {
  /** Whether all that the URL names is there; of a live run, more may come. */
  readonly isWhole: boolean;
}

/** The part of the URL after `#`. Runs of one id are distinguished by their number among these, from 1. */
export function linkTo({ run, other, span }: Place, runs: readonly RunModel[]): string {
  const nth = numberOf(run, runs);
  const otherNth = other === undefined ? 1 : numberOf(other, runs);
  return new URLSearchParams({
    run: run.id,
    ...(nth > 1 && { nth: String(nth) }),
    ...(other !== undefined && { with: other.id }),
    ...(otherNth > 1 && { withNth: String(otherNth) }),
    ...(span !== undefined && { span: String(span.id) }),
  }).toString();
}

const numberOf = (run: RunModel, runs: readonly RunModel[]): number =>
  runs.filter(({ id }) => id === run.id).indexOf(run) + 1;

/** The place of a link; `undefined` if it names no run, or one that is not loaded (yet). */
export function placeIn(link: string, runs: readonly RunModel[]): FoundPlace | undefined {
  const given = new URLSearchParams(link.replace(/^#/, ""));
  const runOf = (key: string, nth: string) =>
    runs.filter(({ id }) => id === given.get(key))[Number(given.get(nth) ?? 1) - 1];
  const run = runOf("run", "nth");
  if (run === undefined) return undefined;
  const other = runOf("with", "withNth");
  const number = given.get("span");
  const span = number === null ? undefined : run.spans.get(Number(number));
  const isWhole = (other !== undefined || !given.has("with")) && (span !== undefined || number === null);
  return { run, other, span, isWhole };
}
