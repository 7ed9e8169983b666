// What keys and pointers need of the timeline. Types only.
import type { Span } from "../model/span.js";
import type { PageState } from "./state.js";

export interface Surface {
  readonly state: PageState;
  readonly scroller: HTMLElement;
  readonly width: number;
  timeAt(x: number): number;
  /** What is painted at a place of the canvas. */
  spanAt(x: number, y: number): Span | undefined;
  /** The span so many places further in its lane. */
  beside(span: Span, by: number): Span | undefined;
  /** The span of the nearest lane below or above, at about the same time. */
  beyond(span: Span, by: -1 | 1): Span | undefined;
  showTip(span: Span | undefined, x: number, y: number): void;
}
