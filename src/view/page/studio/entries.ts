// The runs of a journal and of traces as one list: runs with the same id are one entry.
import type { StudioRun, StudioState, TracedRun } from "../../model/studio-state.js";
import { counted } from "../../model/words.js";

/** An entry of the list. */
export interface Entry {
  readonly id: string;
  readonly flow: string;
  readonly state: string;
  readonly steps: number;
  readonly age: string;
  /** Its open question, or its error. */
  readonly why: string;
  /** The text that a filter searches. */
  readonly text: string;
  readonly run: StudioRun | undefined;
  /** Newest first. */
  readonly traced: readonly TracedRun[];
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

export function age(since: string | undefined, now: number): string {
  if (since === undefined) return "";
  const ms = now - Date.parse(since);
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

function whyOf(run: StudioRun | undefined, trace: TracedRun | undefined): string {
  const questions = run?.questions ?? [];
  if (questions.length > 0) return counted(questions.length, "question");
  return (run?.error ?? trace?.error ?? "").split("\n", 1)[0] as string;
}

/** Newest first. */
export function entriesOf({ runs, traced }: StudioState, now: number): Entry[] {
  const byId = new Map<string, { run?: StudioRun; traced: TracedRun[] }>();
  for (const run of runs) byId.set(run.id, { run, traced: [] });
  for (const trace of traced) {
    const known = byId.get(trace.id);
    if (known === undefined) byId.set(trace.id, { traced: [trace] });
    else known.traced.push(trace);
  }
  const entries = [...byId].map(([id, { run, traced }]) => {
    const [trace] = traced;
    const began = run?.createdAt ?? trace?.startedAt;
    const made = {
      id,
      flow: run?.flow ?? trace?.flow ?? "",
      state: run?.state ?? trace?.state ?? "",
      steps: run?.steps ?? trace?.steps ?? 0,
      age: age(began, now),
      why: whyOf(run, trace),
      run,
      traced,
    };
    const text = [id, made.flow, made.state, made.why].join("\n").toLowerCase();
    return { began: began ?? "", entry: { ...made, text } };
  });
  return entries.sort((a, b) => b.began.localeCompare(a.began)).map(({ entry }) => entry);
}
