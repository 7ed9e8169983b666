// The layout of a run in the timeline: the spans of a lane do not overlap, and the lanes of inner spans are below it.
import type { Span } from "./span.js";
import type { ViewNode } from "./view-node.js";

/** A line of the timeline. */
export interface Lane {
  readonly y: number;
  readonly height: number;
  /** By their start. */
  readonly spans: readonly Span[];
  /** Whether the lane represents very many spans, drawn as their number over time. */
  readonly crowd: boolean;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly height: number;
  /** Whether some lanes are crowds, which the reader may open. */
  readonly crowded: boolean;
}

/** More parallel lanes than this are drawn as one crowd. */
const MOST_LANES = 100;
const CROWD_HEIGHT = 120;
/** Flows nested deeper than this are drawn no further. */
const DEEPEST = 60;

/** The inner spans of a span, without its attempts. */
export function insideOf(span: Span): Span[] {
  const inside: Span[] = [];
  for (const child of span.children) {
    if (child.kind !== "attempt") inside.push(child);
    else if (child.children.length > 0) for (const each of insideOf(child)) inside.push(each);
  }
  return inside;
}

/** Lays a run out. @param open - Whether crowds are drawn lane by lane. */
export function layLanes(root: Span, now: number, open: boolean): Lanes {
  const lanes: Lane[] = [];
  let crowded = false;
  const lay = (spans: readonly Span[], y: number, depth: number, height: number): number => {
    lanes.push({ y, height, spans, crowd: false });
    const below = y + height + (height > 8 ? 2 : 1);
    let end = below;
    if (depth >= DEEPEST) return end;
    // Visits of one node share the lanes below; visits of another node have their own lanes.
    for (const inside of insideByNode(spans).values()) end = Math.max(end, layInside(inside, below, depth));
    return end;
  };
  const layInside = (inside: Span[], y: number, depth: number): number => {
    inside.sort((a, b) => a.start - b.start || a.id - b.id);
    const tracks = intoTracks(inside, now);
    if (tracks.length > MOST_LANES) {
      crowded = true;
      if (!open) {
        lanes.push({ y, height: CROWD_HEIGHT, spans: inside, crowd: true });
        return y + CROWD_HEIGHT + 4;
      }
    }
    const inner = tracks.length <= 12 ? 18 : tracks.length <= 40 ? 11 : tracks.length <= MOST_LANES ? 7 : 5;
    let below = y;
    for (const track of tracks) {
      const isItem = track.some(({ kind }) => kind === "item");
      below = lay(track, below, depth + 1, isItem ? inner : Math.max(inner, 9));
    }
    return below + (tracks.length > 1 ? 3 : 0);
  };
  const height = lay([root], 0, 0, 20);
  return { lanes, height, crowded };
}

function insideByNode(spans: readonly Span[]): Map<ViewNode, Span[]> {
  const byNode = new Map<ViewNode, Span[]>();
  for (const span of spans) {
    const inside = insideOf(span);
    if (inside.length === 0) continue;
    const known = byNode.get(span.node);
    if (known === undefined) byNode.set(span.node, inside);
    else for (const child of inside) known.push(child);
  }
  return byNode;
}

/** Distributes spans, in the order of their starts, over the minimum of tracks without overlaps. */
export function intoTracks(spans: readonly Span[], now: number): Span[][] {
  const tracks: Span[][] = [];
  const busy = new MinHeap(); // by the time at which each becomes free
  const free = new MinHeap(); // by number: the topmost is taken first
  for (const span of spans) {
    while (busy.size > 0 && busy.leastKey() <= span.start) {
      const number = busy.pop();
      free.push(number, number);
    }
    const number = free.size > 0 ? free.pop() : tracks.push([]) - 1;
    (tracks[number] as Span[]).push(span);
    busy.push(Math.max(span.start, span.end ?? now), number);
  }
  return tracks;
}

/** The smallest key first; a run may have thousands of tracks. */
class MinHeap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  leastKey(): number {
    return this.#keys[0] as number;
  }

  push(key: number, value: number): void {
    let at = this.#keys.push(key) - 1;
    this.#values.push(value);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if ((this.#keys[up] as number) <= (this.#keys[at] as number)) break;
      this.#swap(at, up);
      at = up;
    }
  }

  pop(): number {
    const value = this.#values[0] as number;
    this.#swap(0, this.#keys.length - 1);
    this.#keys.pop();
    this.#values.pop();
    for (let at = 0; ; ) {
      let least = at;
      for (const down of [2 * at + 1, 2 * at + 2]) {
        if (down < this.#keys.length && (this.#keys[down] as number) < (this.#keys[least] as number))
          least = down;
      }
      if (least === at) return value;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#keys[a], this.#keys[b]] = [this.#keys[b] as number, this.#keys[a] as number];
    [this.#values[a], this.#values[b]] = [this.#values[b] as number, this.#values[a] as number];
  }
}
