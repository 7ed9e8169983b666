// Building blocks of the details.
import type { PlainError } from "../../wings/trace/trace-line.js";
import { durationOf, placeOf, type Span } from "../model/span.js";
import { amount, duration } from "../model/words.js";
import { button, el, short, svg, visible } from "./dom.js";
import type { PageState } from "./state.js";

/** A list of names and values, without those that have no value. */
export function facts(entries: readonly (readonly [string, string | undefined])[]): HTMLElement {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of entries) {
    if (value !== undefined && value !== "") list.append(el("dt", {}, name), el("dd", {}, visible(value)));
  }
  return list;
}

export const state = (outcome: string, text = outcome): HTMLElement =>
  el("span", { class: `state ${outcome}` }, text);

export const part = (title: string, ...content: readonly (Node | string)[]): HTMLElement =>
  el("section", { class: "part" }, el("h3", {}, title), ...content);

/** An error with its causes. */
export function errorPart(error: PlainError, title = "Error"): HTMLElement {
  const { name, message, stack, code, machine, cause, errors = [] } = error;
  const shown = part(
    title,
    el(
      "p",
      { class: "error" },
      el("strong", {}, visible(name)),
      code === undefined ? "" : ` ${visible(String(code))}`,
    ),
    el("pre", { class: "message", tabindex: 0 }, message),
    ...(machine === undefined ? [] : [facts([["Machine", machine]])]),
  );
  // A stack begins with the message, which is shown already.
  const frames = stack
    ?.slice(stack.indexOf(message) === -1 ? 0 : stack.indexOf(message) + message.length)
    .trim();
  if (frames !== undefined && frames !== "") {
    shown.append(el("details", {}, el("summary", {}, "Stack"), el("pre", { tabindex: 0 }, frames)));
  }
  if (cause !== undefined) shown.append(errorPart(cause, "Caused by"));
  for (const each of errors) shown.append(errorPart(each, "One of its errors"));
  return shown;
}

/** A list of spans to select, up to a maximum. */
export function spanList(
  page: PageState,
  spans: readonly Span[],
  most: number,
  what: (span: Span) => string,
): HTMLElement {
  const list = el("ul", { class: spans[0]?.outcome === "failed" ? "spans failures" : "spans" });
  for (const span of spans.slice(0, most)) {
    const show = () => {
      page.select(span);
      page.showSpan(span);
    };
    list.append(choice(span.outcome, placeOf(span), what(span), show));
  }
  if (spans.length > most)
    list.append(el("li", { class: "more" }, `and ${amount(spans.length - most)} more`));
  return list;
}

/** A line of a list of spans. */
export function choice(outcome: string, title: string, what: string, act: () => void): HTMLElement {
  const choose = button("", "Show it", act);
  choose.replaceChildren(
    el("span", { class: `dot ${outcome}`, "aria-hidden": "true" }),
    el("span", { class: "title" }, short(title, 60)),
    el("span", { class: "what" }, short(what, 90)),
  );
  return el("li", {}, choose);
}

/** The longest spans. */
export const slowest = (spans: readonly Span[], now: number, most: number): Span[] =>
  [...spans].sort((a, b) => durationOf(b, now) - durationOf(a, now)).slice(0, most);

/** A time, relative to the start of the run. */
export const since = (at: number): string => `+${duration(at)}`;

export function table(heads: readonly string[], rows: readonly (readonly (string | Node)[])[]): HTMLElement {
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell))))),
  );
}

/** A bar chart of counts. @param kind - An additional class. */
export function columnChart(counts: readonly number[], kind = ""): SVGElement {
  const most = Math.max(...counts, 1);
  const [width, height] = [320, 56];
  const wide = width / counts.length;
  const bars = counts.map((count, i) => {
    const tall = count === 0 ? 0 : Math.max(1.5, (count / most) * height);
    return svg("rect", { x: i * wide, y: height - tall, width: wide - 1, height: tall });
  });
  return svg(
    "svg",
    {
      class: `histogram ${kind}`,
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    ...bars,
  );
}
