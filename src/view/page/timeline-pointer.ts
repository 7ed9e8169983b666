// The pointer control of the timeline: hover, select, pan, zoom.
import type { Surface } from "./timeline-surface.js";

/** The distance in pixels from which a press is a drag and not a click. */
const SLACK = 4;

export function listenToPointer(timeline: Surface, canvas: HTMLCanvasElement): void {
  const { state } = timeline;
  const fingers = new Map<number, { x: number; y: number }>();
  let moved = 0;
  let apart = 0;
  const place = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return a === undefined || b === undefined ? 0 : Math.abs(a.x - b.x);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    if (fingers.size === 1) moved = 0;
    apart = spread();
    timeline.showTip(undefined, 0, 0);
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = fingers.get(event.pointerId);
    if (before === undefined) {
      if (event.pointerType !== "touch") {
        const span = timeline.spanAt(now.x, now.y);
        timeline.showTip(span, event.clientX, event.clientY);
        canvas.style.cursor = span === undefined ? "" : "pointer";
      }
      return;
    }
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      const wide = spread();
      if (apart > 20 && wide > 20) state.zoom(apart / wide, timeline.timeAt(now.x));
      apart = wide;
      moved = SLACK + 1;
      return;
    }
    moved += Math.abs(now.x - before.x);
    if (moved > SLACK) state.pan(((before.x - now.x) / timeline.width) * (state.to - state.from));
  });
  const release = (event: PointerEvent) => {
    const was = fingers.delete(event.pointerId);
    if (!was || event.type === "pointercancel" || moved > SLACK) return;
    const { x, y } = place(event);
    state.select(timeline.spanAt(x, y));
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => timeline.showTip(undefined, 0, 0));
  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    const span = timeline.spanAt(x, y);
    if (span === undefined) state.zoom(0.4, timeline.timeAt(x));
    else state.showSpan(span);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        state.zoom(
          Math.exp(Math.max(-100, Math.min(100, event.deltaY)) / 150),
          timeline.timeAt(place(event).x),
        );
      } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        state.pan((sideways / timeline.width) * (state.to - state.from));
      } else return; // the lanes scroll
      event.preventDefault();
    },
    { passive: false },
  );
}
