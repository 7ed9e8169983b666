// The help: the keyboard shortcuts.
import { button, el } from "./dom.js";

const KEYS = [
  ["Tab", "from the graph to the timeline to the details"],
  ["← → ↑ ↓", "from node to node in the graph; from span to span in the timeline"],
  ["Enter", "choose the node; bring the whole span into view"],
  ["+ −  0", "zoom the timeline; show all of it"],
  ["Page Up, Page Down, Home, End", "move the timeline"],
  ["F", "go to the next failure"],
  ["/", "search names, errors and values; Enter shows what is found"],
  ["Esc", "back to the run"],
  ["Ctrl and wheel, two fingers", "zoom"],
] as const;

export function helpDialog(): HTMLDialogElement {
  const rows = KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]);
  const dialog = el(
    "dialog",
    { "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el("dl", { class: "keys" }, ...rows),
  );
  dialog.append(button("Close", "Close", () => dialog.close()));
  return dialog;
}
