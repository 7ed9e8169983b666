// The details of a step, item or attempt: times, attempts, waits, error, data.
import { insideOf } from "../model/lanes.js";
import { shares } from "../model/segments.js";
import { attemptsOf, durationOf, placeOf, type Span, titleOf } from "../model/span.js";
import { amount, duration } from "../model/words.js";
import { errorPart, facts, part, since, spanList, state, table } from "./details-parts.js";
import { valueParts } from "./details-values.js";
import { button, el, short, visible } from "./dom.js";
import type { PageState } from "./state.js";

const MOST_ROWS = 50;

export function spanDetails(page: PageState, span: Span): Node[] {
  const now = page.run.end;
  const attempts = attemptsOf(span);
  const { gate, attempt, backoff } = shares(span, now);
  const inside = insideOf(span);
  const outside = attempts.length > 0 ? durationOf(span, now) - attempt - gate - backoff : 0;
  return [
    el("p", { class: "title" }, short(placeOf(span), 200), " ", state(span.outcome)),
    trail(page, span),
    facts([
      ["Started", since(span.start)],
      ["Took", duration(durationOf(span, now))],
      ["In attempts", attempts.length > 0 && inside.length === 0 ? duration(attempt) : undefined],
      ["Waited at gates", gate > 0 ? duration(gate) : undefined],
      ["Waited for attempts", backoff > 0 ? duration(backoff) : undefined],
      ["Outside attempts", outside > 0.1 && inside.length === 0 ? duration(outside) : undefined],
      ["Action", span.action],
      ["Inside", inside.length > 0 ? amount(inside.length) : undefined],
      ["Data sent", span.emitted > 0 ? amount(span.emitted) : undefined],
    ]),
    ...endParts(span),
    ...valueParts(page, span),
    ...(attempts.length > 0 ? [attemptsPart(attempts, now)] : []),
    ...(span.waits.length > 0 ? [waitsPart(span, now)] : []),
    ...(span.data.length > 0 ? [dataPart(span)] : []),
    ...(inside.length > 0
      ? [
          part(
            "Inside",
            spanList(page, inside, MOST_ROWS, (each) => duration(durationOf(each, now))),
          ),
        ]
      : []),
  ];
}

/** The reason of its failure, or what it waits for. */
function endParts({ outcome, error }: Span): Node[] {
  if (outcome === "suspended")
    return [part("Suspended", el("p", { class: "notes" }, "It waits for the answer of a person."))];
  return error === undefined ? [] : [errorPart(error)];
}

/** The error of an attempt, in short. */
const whyOf = ({ outcome, error }: Span): string =>
  error === undefined || outcome === "suspended" ? "" : short(`${error.name}: ${error.message}`, 80);

/** The path from the run to the span, as links. */
function trail(page: PageState, span: Span): HTMLElement {
  const way = el("nav", { class: "trail", "aria-label": "What it is part of" });
  const around: Span[] = [];
  for (let outer = span.parent; outer !== undefined; outer = outer.parent) around.unshift(outer);
  for (const outer of around)
    way.append(
      button(short(titleOf(outer), 40), "Go there", () => page.select(outer)),
      " › ",
    );
  way.append(span.kind === "attempt" ? "attempt" : visible(short(titleOf(span), 40)));
  return way;
}

function attemptsPart(attempts: readonly Span[], now: number): HTMLElement {
  const rows = attempts.slice(0, MOST_ROWS).map((each) => {
    const why = whyOf(each);
    const next = each.wait === undefined ? "" : duration(each.wait);
    return [
      String((each.attempt ?? 0) + 1),
      since(each.start),
      duration(durationOf(each, now)),
      el("span", {}, state(each.outcome), why && el("span", { class: "why" }, why)),
      next,
    ];
  });
  const shown = part("Attempts", table(["#", "Started", "Took", "Came to", "Next after"], rows));
  if (attempts.length > MOST_ROWS) shown.append(`and ${amount(attempts.length - MOST_ROWS)} more`);
  return shown;
}

function waitsPart({ waits }: Span, now: number): HTMLElement {
  const rows = waits
    .slice(0, MOST_ROWS)
    .map(({ gate, start, end }) => [
      visible(gate || "unnamed"),
      since(start),
      duration((end ?? now) - start),
    ]);
  return part("Waits at gates", table(["Gate", "From", "For"], rows));
}

function dataPart({ data, emitted }: Span): HTMLElement {
  const shown = part("Data");
  for (const { value } of data) {
    shown.append(el("pre", { tabindex: 0 }, typeof value === "string" ? value : jsonOf(value)));
  }
  if (emitted > data.length) shown.append(`and ${amount(emitted - data.length)} more`);
  return shown;
}

/** Lines of other programs may have values nested too deeply for JSON. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return "data that is nested too deeply to be shown";
  }
}
