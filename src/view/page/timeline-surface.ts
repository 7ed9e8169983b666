// The interface of the timeline for keyboard and pointer handlers. Types only.
import type { Span } from "../model/span.js";
import type { PageState } from "./state.js";

export interface Surface {
  readonly state: PageState;
  readonly scroller: HTMLElement;
  readonly width: number;
  timeAt(x: number): number;
  /** The span at a point of the canvas. */
  spanAt(x: number, y: number): Span | undefined;
  /** The span at an offset from another one in the same lane. */
  beside(span: Span, by: number): Span | undefined;
  /** The span in the nearest lane below or above, at about the same time. */
  beyond(span: Span, by: -1 | 1): Span | undefined;
  showTip(span: Span | undefined, x: number, y: number): void;
}
