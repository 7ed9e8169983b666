// Ids of places, which stay the same while the graph around them grows. docs/decisions/0006 has the reasons.
import { hash } from "../base/hash.js";
import { NODE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import type { Linked } from "./links.js";

/** A node at the place where a walk along the links first reached it. */
interface Place {
  readonly node: Linked;
  readonly name: string;
  /** The action that led here; the default action for the first place. */
  readonly action: string;
  readonly from: Place | undefined;
  /** Its part of the id; written when the place is entered. */
  local: string;
}

/** The maximum of named actions that distinguish a route. */
const MOST_ACTIONS = 100;

/**
 * Assigns an id to each node of one flow: the first node of a name, in the order of a walk that takes every link, has
 * the name itself; any other node has the name and a hash of the nearest node of that name before it and of the named
 * actions from there.
 *
 * @param starts - The first node of a flow, or the branches of a `parallel`.
 * @param follow - Whether links are followed; those of a branch are not.
 */
export function idsOf<N extends Linked>(
  starts: readonly N[],
  parent: string,
  follow: boolean,
): Map<N, string> {
  const taken = new Set<string>();
  const ties = new Map<string, number>();
  const ids = new Map<Linked, string>();
  const placeOf = (node: Linked, action: string, from?: Place): Place => {
    return { node, name: nameOf(node), action, from, local: "" };
  };
  for (const start of starts) {
    // Every link once, depth first, in the order of creation; with a stack, because chains can be long.
    const ahead = [placeOf(start, "default")];
    for (let place = ahead.pop(); place !== undefined; place = ahead.pop()) {
      const { node } = place;
      if (ids.has(node)) continue;
      place.local = localOf(place, taken, ties);
      taken.add(place.local);
      ids.set(node, `${parent}/${place.local}`);
      const links = follow ? [...node[NODE].links.entries()] : [];
      for (const [action, next] of links.reverse()) {
        if (next !== null && !ids.has(next)) ahead.push(placeOf(next, action, place));
      }
    }
  }
  return ids as Map<N, string>;
}

function localOf(place: Place, taken: ReadonlySet<string>, ties: Map<string, number>): string {
  const name = segmentOf(place.name);
  if (!taken.has(name)) return name;
  const actions: string[] = [];
  let before: Place | undefined = place;
  do {
    if (before.action !== "default" && actions.length < MOST_ACTIONS) actions.push(before.action);
    before = before.from;
  } while (before !== undefined && before.name !== place.name);
  const route = JSON.stringify([name, before?.local, ...actions]);
  let local: string;
  do {
    const tie = ties.get(route) ?? 0;
    ties.set(route, tie + 1);
    local = `${name}~${hash(tie === 0 ? route : `${route}${tie}`)}`;
  } while (taken.has(local));
  return local;
}

/** A name as one part of an id: separators are percent-encoded, and a very long name is cut. */
export function segmentOf(name: string): string {
  const long = name.length > 64;
  const plain = (long ? name.slice(0, 40) : name).replace(
    /[%/~#[\]|!]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return long ? `${plain}~~${hash(name)}` : plain;
}
