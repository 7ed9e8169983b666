// Ids: names of places that stay the same while the graph around them grows. docs/decisions/0006 has the reasons.
import { hash } from "../base/hash.js";
import { NODE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import type { Linked } from "./links.js";

/** A node where a walk along the links first came to it. */
interface Place {
  readonly node: Linked;
  readonly name: string;
  readonly depth: number;
  /** The nearest place of the same name on the way here. */
  readonly before: Place | undefined;
  /** The action that led here, where it was a named one, and the last such place before. */
  readonly turn: Turn | undefined;
  local: string;
}

interface Turn {
  readonly action: string;
  readonly depth: number;
  readonly earlier: Turn | undefined;
}

/**
 * Gives each node of one flow its id: the first of a name, in the order of a walk that takes every link, has the
 * name itself; any other has the name and a hash of the nearest one of that name before it and of the named
 * actions that lead from there.
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
  const ids = new Map<N, string>();
  for (const place of walkAll(starts, follow)) {
    place.local = localOf(place, taken, ties);
    taken.add(place.local);
    ids.set(place.node as N, `${parent}/${place.local}`);
  }
  return ids;
}

/** Takes every link once, depth first and in the order in which they were made; a stack, for chains are long. */
function* walkAll(starts: readonly Linked[], follow: boolean): Generator<Place> {
  const seen = new Set<Linked>();
  const onTheWay = new Map<string, Place>();
  const enter = (node: Linked, action: string, from: Place | undefined): Place => {
    const name = nameOf(node);
    const depth = (from?.depth ?? 0) + 1;
    const turn = action === "default" ? from?.turn : { action, depth, earlier: from?.turn };
    const place: Place = { node, name, depth, before: onTheWay.get(name), turn, local: "" };
    seen.add(node);
    onTheWay.set(name, place);
    return place;
  };
  for (const start of starts) {
    if (seen.has(start)) continue;
    const first = enter(start, "default", undefined);
    yield first;
    const stack = [{ place: first, links: start[NODE].links.entries() }];
    for (let top = stack.at(-1); follow && top !== undefined; top = stack.at(-1)) {
      const link = top.links.next();
      if (link.done) {
        const { name, before } = top.place;
        if (before === undefined) onTheWay.delete(name);
        else onTheWay.set(name, before);
        stack.pop();
        continue;
      }
      const [action, next] = link.value as [string, Linked | null];
      if (next === null || seen.has(next)) continue;
      const place = enter(next, action, top.place);
      yield place;
      stack.push({ place, links: next[NODE].links.entries() });
    }
    if (!follow) onTheWay.clear();
  }
}

function localOf(place: Place, taken: ReadonlySet<string>, ties: Map<string, number>): string {
  const name = segmentOf(place.name);
  if (!taken.has(name)) return name;
  const { before } = place;
  const actions: string[] = [];
  for (let { turn } = place; turn !== undefined && turn.depth > (before?.depth ?? 0); turn = turn.earlier) {
    if (actions.push(turn.action) === 100) break; // enough to tell routes apart, and a long chain stays quick
  }
  const route = JSON.stringify([name, before?.local, ...actions]);
  let local: string;
  do {
    const tie = ties.get(route) ?? 0;
    ties.set(route, tie + 1);
    local = `${name}~${hash(tie === 0 ? route : `${route}${tie}`)}`;
  } while (taken.has(local));
  return local;
}

/** A name as one part of an id: what separates parts is written as in a URL, and what is very long is cut. */
export function segmentOf(name: string): string {
  const long = name.length > 64;
  const plain = (long ? name.slice(0, 40) : name).replace(
    /[%/~#[\]|!]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return long ? `${plain}~~${hash(name)}` : plain;
}
