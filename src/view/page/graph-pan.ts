// Pans and zooms a drawing in its frame.

export class GraphPan {
  /** Whether the pointer has moved the drawing, so that its release is not a click. */
  wasDragged = false;
  readonly #frame: SVGSVGElement;
  #layer: SVGGElement | undefined;
  #width = 1;
  #height = 1;
  #scale = 1;
  #x = 0;
  #y = 0;
  #fitted = true;

  constructor(frame: SVGSVGElement) {
    this.#frame = frame;
    let last: { x: number; y: number; id: number; far: number } | undefined;
    frame.addEventListener("pointerdown", (event) => {
      this.wasDragged = false;
      if (event.button === 0) last = { x: event.clientX, y: event.clientY, id: event.pointerId, far: 0 };
    });
    frame.addEventListener("pointermove", (event) => {
      if (last === undefined || last.id !== event.pointerId) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      last = { x: event.clientX, y: event.clientY, id: last.id, far: last.far + Math.abs(dx) + Math.abs(dy) };
      if (last.far < 5) return;
      if (!this.wasDragged) frame.setPointerCapture(event.pointerId);
      this.wasDragged = true;
      this.#fitted = false;
      this.#x += dx;
      this.#y += dy;
      this.#apply();
    });
    const stop = () => {
      last = undefined;
    };
    frame.addEventListener("pointerup", stop);
    frame.addEventListener("pointercancel", stop);
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
        const box = frame.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
        event.preventDefault();
      },
      { passive: false },
    );
  }

  show(layer: SVGGElement, width: number, height: number): void {
    this.#layer = layer;
    this.#width = width;
    this.#height = height;
    this.fit();
    if (this.#scale > 0.25) return;
    // Too large to be readable as a whole: show its start at a readable size.
    this.#scale = 0.6;
    const { clientWidth, clientHeight } = this.#frame;
    this.#x = Math.max(14, (clientWidth - width * 0.6) / 2);
    this.#y = Math.max(14, (clientHeight - height * 0.6) / 2);
    this.#fitted = false;
    this.#apply();
  }

  fit(): void {
    const { clientWidth, clientHeight } = this.#frame;
    const margin = 14;
    const most = Math.min(
      (clientWidth - 2 * margin) / this.#width,
      (clientHeight - 2 * margin) / this.#height,
    );
    this.#scale = Math.max(0.005, Math.min(1.15, most));
    this.#x = (clientWidth - this.#width * this.#scale) / 2;
    this.#y = (clientHeight - this.#height * this.#scale) / 2;
    this.#fitted = true;
    this.#apply();
  }

  /** Handles a new size of the frame: an unmoved drawing is fitted again. */
  resize(): void {
    if (this.#fitted) this.fit();
  }

  zoom(factor: number, x = this.#frame.clientWidth / 2, y = this.#frame.clientHeight / 2): void {
    const scale = Math.max(0.005, Math.min(4, this.#scale * factor));
    this.#x = x - ((x - this.#x) * scale) / this.#scale;
    this.#y = y - ((y - this.#y) * scale) / this.#scale;
    this.#scale = scale;
    this.#fitted = false;
    this.#apply();
  }

  /** Pans a part of the drawing into view. */
  reveal({ x, y, width, height }: { x: number; y: number; width: number; height: number }): void {
    const { clientWidth, clientHeight } = this.#frame;
    const [left, top] = [x * this.#scale + this.#x, y * this.#scale + this.#y];
    const [right, bottom] = [left + width * this.#scale, top + height * this.#scale];
    if (left < 0 || right > clientWidth) this.#x += clientWidth / 2 - (left + right) / 2;
    if (top < 0 || bottom > clientHeight) this.#y += clientHeight / 2 - (top + bottom) / 2;
    this.#apply();
  }

  #apply(): void {
    this.#layer?.setAttribute("transform", `translate(${this.#x} ${this.#y}) scale(${this.#scale})`);
  }
}
