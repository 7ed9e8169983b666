// Gets the lines of the trace: out of the page itself, or bit by bit from the server of a live page.
import { TraceModel } from "../model/trace-model.js";

/** Unpacks the trace that the page holds, and reads it. */
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
  // Nothing comes any more; the command that made the page has looked for the process that wrote the trace.
  model.close(document.documentElement.hasAttribute("data-interrupted") ? "interrupted" : "unfinished");
  return model;
}

export interface LiveTrace {
  /** Lines have come; at most a few times a second. */
  onLines(model: TraceModel, beside: TraceModel | undefined): void;
  onState(text: string, state: "on" | "off"): void;
}

/** How often the page is drawn anew while lines come, in ms. */
const PAUSE = 250;

/** Follows the trace of the page, and the one of the same folder that its URL names as `?beside=`, to compare runs. */
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

/** A trace that its server sends as it grows. */
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

  /** The trace as far as it has come. */
  current(): TraceModel {
    if (this.#isGone) this.#model.close("interrupted");
    return this.#model;
  }
}
