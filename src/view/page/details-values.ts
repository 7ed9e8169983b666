// The values of a step, item or attempt: input, output, store changes and charges.
import { diffLines, diffWordsWithSpace } from "diff";
import type { Span, Value } from "../model/span.js";
import type { Store, StoreChange } from "../model/store-history.js";
import { amount, counted } from "../model/words.js";
import { part } from "./details-parts.js";
import { el } from "./dom.js";
import type { PageState } from "./state.js";

/** The maximum of store changes shown. */
const MOST_CHANGES = 50;

/** The panes In, Out, Store and Tokens, if the trace has them. */
export function valueParts({ run }: PageState, span: Span): Node[] {
  // An attempt has the input of its step or item; the output of that is the output of its last attempt.
  const whole = span.kind === "attempt" && span.parent !== undefined ? span.parent : span;
  const isLast = whole.children.at(-1) === span || whole === span;
  const input = whole.kind === "item" ? "In: the item" : "In: what prep gave";
  const out = whole.kind === "item" ? "Out: what it came to" : "Out: what post got";
  const store = whole.kind === "step" || whole.kind === "run" ? run.stores.of(whole) : undefined;
  return [
    ...valuePart(input, whole.input),
    ...(isLast && span.outcome === "done" ? valuePart(out, whole.result) : []),
    ...(store === undefined || span !== whole ? [] : [storePart(store)]),
    ...(span.tokens > 0 ? [part("Tokens", `${amount(span.tokens)} in ${counted(span.calls, "call")}`)] : []),
  ];
}

const valuePart = (title: string, value: Value | undefined): Node[] =>
  value === undefined ? [] : [part(title, el("pre", { tabindex: 0 }, textOf(value.value)))];

function storePart({
  before,
  after,
  changes,
}: {
  before: Store;
  after: Store;
  changes: StoreChange[];
}): Node {
  const shown = part(
    changes.length === 0 ? "Store: nothing changed" : `Store: ${counted(changes.length, "change")}`,
  );
  for (const change of changes.slice(0, MOST_CHANGES)) shown.append(...changeParts(change));
  const rest = changes.length - MOST_CHANGES;
  if (rest > 0) shown.append(el("p", { class: "more" }, `and ${counted(rest, "more change")}`));
  /** Rendered when it is opened: a store may be large. */
  const whole = (title: string, store: Store) => {
    const text = el("pre", { tabindex: 0 });
    const shut = el("details", {}, el("summary", {}, `${title} (${counted(store.size, "key")})`), text);
    shut.addEventListener("toggle", () => {
      text.textContent = textOf(Object.fromEntries(store));
    });
    return shut;
  };
  shown.append(whole("The store before", before), whole("The store after", after));
  return shown;
}

function changeParts({ key, when, before, after }: StoreChange): Node[] {
  const what = after === undefined ? "deleted" : before === undefined ? "new" : "changed";
  const note = when === "exec" ? `${what} before post` : what;
  return [
    el("p", { class: `change ${what}` }, el("code", {}, key), " ", el("span", { class: "note" }, note)),
    el("pre", { class: "diff", tabindex: 0 }, ...diffOf(before, after)),
  ];
}

/** The maximum length of texts that are compared; longer ones are shown side by side. */
const MOST_EDITS = 1_500;
/** The number of equal lines shown around a change. */
const CONTEXT = 2;

function diffOf(before: unknown, after: unknown): Node[] {
  if (before === undefined) return added(textOf(after));
  if (after === undefined) return removed(textOf(before));
  const [old, now] = [textOf(before), textOf(after)];
  const isShort = !old.includes("\n") && !now.includes("\n");
  const options = { maxEditLength: MOST_EDITS };
  const parts = isShort ? diffWordsWithSpace(old, now, options) : diffLines(old, now, options);
  if (parts === undefined) return [...removed(old), ...added(now)];
  return parts.flatMap((each, i): Node[] => {
    if (each.added) return isShort ? [el("ins", { class: "word" }, each.value)] : added(each.value);
    if (each.removed) return isShort ? [el("del", { class: "word" }, each.value)] : removed(each.value);
    return [el("span", {}, isShort ? each.value : shortened(each.value, i > 0, i < parts.length - 1))];
  });
}

const linesOf = (text: string): string[] => text.replace(/\n$/, "").split("\n");
const added = (text: string): Node[] => linesOf(text).map((line) => el("ins", {}, line));
const removed = (text: string): Node[] => linesOf(text).map((line) => el("del", {}, line));

/** Omits equal lines far from a change. */
function shortened(text: string, follows: boolean, precedes: boolean): string {
  const lines = text.split("\n");
  const rest = lines.at(-1) === "" ? [lines.pop() as string] : [];
  const most = (follows ? CONTEXT : 0) + (precedes ? CONTEXT : 0);
  if (lines.length <= most + 1) return text;
  const head = follows ? lines.slice(0, CONTEXT) : [];
  const tail = precedes ? lines.slice(-CONTEXT) : [];
  return [...head, `⋯ ${lines.length - most} equal lines`, ...tail, ...rest].join("\n");
}

/** A non-empty string as it is; any other value as JSON. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : value;
  try {
    return JSON.stringify(value, null, 2) ?? "nothing";
  } catch {
    return "a value that is nested too deeply to be shown";
  }
}
