// Two runs side by side, node by node.
import { type Compared, compareRuns, difference, type Figures } from "../model/compare.js";
import { amount, duration } from "../model/words.js";
import { part, table } from "./details-parts.js";
import { el, short } from "./dom.js";
import type { PageState } from "./state.js";

const MOST_NODES = 40;

/** The differences between the run and the one that it is compared with. */
export function compareParts({ run, other }: PageState): Node[] {
  if (other === undefined) return [];
  const compared = compareRuns(run, other);
  const about = `Compared with the run ${short(other.id, 40)} (${other.root.outcome}). A plus is more in this run.`;
  const rest = compared.length - MOST_NODES;
  return [
    el("p", { class: "notes" }, about),
    ...compared.slice(0, MOST_NODES).map(nodePart),
    ...(rest > 0 ? [el("p", { class: "more" }, `and ${amount(rest)} more nodes`)] : []),
  ];
}

function nodePart({ name, path, one, other }: Compared): HTMLElement {
  const unit = one?.areItems || other?.areItems ? "Items" : "Visits";
  const rows: [title: string, key: Exclude<keyof Figures, "areItems">, say: typeof amount][] = [
    [unit, "count", amount],
    ["Took", "total", duration],
    ["Median", "median", duration],
    ["Failed", "failed", amount],
    ["Tokens", "tokens", amount],
  ];
  const cells = rows
    .filter(([, key]) => (one?.[key] ?? 0) > 0 || (other?.[key] ?? 0) > 0)
    .map(([title, key, say]) => {
      const [a, b] = [one?.[key], other?.[key]];
      const apart = a === undefined || b === undefined ? "not reached in one" : difference(a, b, say);
      return [title, a === undefined ? "–" : say(a), b === undefined ? "–" : say(b), apart];
    });
  const shown = part(short(name, 60), table(["", "This run", "The other", "Difference"], cells));
  if (path !== "") shown.title = short(path, 300);
  return shown;
}
