// Loads the lines of the trace: from the page itself, or as a stream from the server of a live page.
import { TraceModel } from "../model/trace-model.js";

/** Unpacks and reads the trace inside the page. */
export async function loadTrace(): Promise<TraceModel> {
  const packed = atob(document.getElementById("trace")?.textContent ?? "");
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const model = new TraceModel({ late: true });
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) model.add(line);
  }
  if (rest !== "") model.add(rest);
  // The trace is complete; the command that wrote the page has checked whether the traced process was alive.
  model.close(document.documentElement.hasAttribute("data-interrupted") ? "interrupted" : "unfinished");
  return model;
}

export interface LiveTrace {
  /** Called when lines have arrived, at most a few times a second. */
  onLines(model: TraceModel, beside: TraceModel | undefined): void;
  onState(text: string, state: "on" | "off"): void;
}

/** Milliseconds between two updates of the page while lines arrive. */
const PAUSE = 250;

/** Follows the trace of the page and, to compare runs, the trace in the same folder that the URL names as `?beside=`. */
export function followTrace({ onLines, onState }: LiveTrace): void {
  let asked = false;
  const changed = () => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      asked = false;
      onLines(own.current(), other?.current());
    }, PAUSE);
  };
  const own = new Followed("events", changed, onState);
  const beside = new URLSearchParams(location.search).get("beside");
  const other =
    beside === null
      ? undefined
      : new Followed(`../${encodeURIComponent(beside)}/events`, changed, (text, state) => {
          if (state === "off") onState(`${beside}: ${text}`, state);
        });
}

/** A trace that the server sends as it grows. */
class Followed {
  #model = new TraceModel({ late: true });
  #isGone = false;

  constructor(url: string, changed: () => void, onState: LiveTrace["onState"]) {
    const take = (event: MessageEvent<string>) => {
      for (const line of event.data.split("\n")) if (line !== "") this.#model.add(line);
      changed();
    };
    const source = new EventSource(url);
    source.addEventListener("message", take);
    source.addEventListener("fresh", (event) => {
      this.#model = new TraceModel({ late: true });
      this.#isGone = false;
      onState("live", "on");
      take(event);
    });
    source.addEventListener("gone", () => {
      this.#isGone = true;
      changed();
      onState("its program has ended", "off");
    });
    source.addEventListener("broken", (event) => {
      source.close();
      onState(String(event.data), "off");
    });
    source.addEventListener("open", () => onState("live", "on"));
    source.addEventListener("error", () => onState("not connected", "off"));
  }

  /** The trace so far. */
  current(): TraceModel {
    if (this.#isGone) this.#model.close("interrupted");
    return this.#model;
  }
}
