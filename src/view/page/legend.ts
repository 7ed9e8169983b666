// The legend of the timeline's colours.
import { el } from "./dom.js";

const MEANINGS = [
  ["done", "done"],
  ["gate", "waits at a gate"],
  ["backoff", "backoff"],
  ["tried", "failed attempt"],
  ["failed", "failed"],
  ["suspended", "waits for a person"],
  ["aborted", "aborted"],
  ["running", "running"],
  ["rest", "outside attempts"],
  ["path", "critical path"],
] as const;

export function legend(): HTMLElement {
  const entries = MEANINGS.map(([name, meaning]) =>
    el("li", {}, el("span", { class: `swatch ${name}`, "aria-hidden": "true" }), meaning),
  );
  return el("ul", { class: "legend", "aria-label": "Colours" }, ...entries);
}
