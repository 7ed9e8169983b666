// A canvas with the resolution of the screen, painted at most once per frame.

export class Board {
  readonly canvas: HTMLCanvasElement;
  width = 0;
  height = 0;
  readonly #paint: (context: CanvasRenderingContext2D, board: Board) => void;
  #asked = false;

  constructor(canvas: HTMLCanvasElement, paint: (context: CanvasRenderingContext2D, board: Board) => void) {
    this.canvas = canvas;
    this.#paint = paint;
  }

  resize(width: number, height: number): void {
    const ratio = devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.paint();
  }

  /** Schedules painting before the next frame. */
  paint(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      const context = this.canvas.getContext("2d");
      if (context === null || this.width === 0) return;
      const ratio = devicePixelRatio || 1;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, this.width, this.height);
      this.#paint(context, this);
    });
  }
}
