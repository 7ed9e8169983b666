// The keyboard control of the timeline.
import type { Span } from "../model/span.js";
import type { PageState } from "./state.js";
import type { Surface } from "./timeline-surface.js";

export function listenToKeys(timeline: Surface): void {
  const { state } = timeline;
  const go = (span: Span | undefined) => {
    if (span !== undefined) state.select(span);
  };
  const from = (): Span => state.span ?? state.run.root;
  const actions: Record<string, () => void> = {
    ArrowRight: () => go(state.span === undefined ? state.run.root : timeline.beside(from(), 1)),
    ArrowLeft: () => go(state.span === undefined ? state.run.root : timeline.beside(from(), -1)),
    ArrowDown: () => go(state.span === undefined ? state.run.root : timeline.beyond(from(), 1)),
    ArrowUp: () => go(timeline.beyond(from(), -1)),
    Enter: () => state.showSpan(from()),
    "+": () => state.zoom(0.5, middleOf(state)),
    "=": () => state.zoom(0.5, middleOf(state)),
    "-": () => state.zoom(2, middleOf(state)),
    "0": () => state.show(0, state.whole),
    Home: () => state.show(0, state.to - state.from),
    End: () => state.show(state.whole - (state.to - state.from), state.whole),
    PageUp: () => state.pan((state.from - state.to) * 0.8),
    PageDown: () => state.pan((state.to - state.from) * 0.8),
  };
  timeline.scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (act === undefined) return;
    act();
    event.preventDefault();
  });
}

/** The next failure after the selection, or the first. */
export function nextFailure(state: PageState): Span | undefined {
  const { failures } = state.run;
  const at = state.span === undefined ? -1 : failures.indexOf(state.span);
  return failures[(at + 1) % failures.length];
}

/** Zooms around the selection. */
function middleOf({ span, from, to, run }: PageState): number {
  if (span === undefined) return (from + to) / 2;
  const middle = (span.start + (span.end ?? run.end)) / 2;
  return middle < from || middle > to ? (from + to) / 2 : middle;
}
