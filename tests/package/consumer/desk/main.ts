// Runs the desk on stand-ins that compute their answers, and prints what came of it.
import { Gate, locate, SluiceError } from "sluice";
import { createFlow } from "./flow.js";
import type { Case, Llm, Search } from "./nodes.js";

let refusals = 0;
let inFlight = 0;
let peak = 0;
const llm: Llm = async (prompt, { signal }) => {
  peak = Math.max(peak, ++inFlight);
  try {
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal.throwIfAborted();
    if (refusals++ === 0)
      throw Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after-ms": "5" } });
    const [, task, text = "", notes] = /^(\w+): ([^|]*)(?:\| (.*))?$/.exec(prompt) ?? [];
    if (task === "Classify")
      return text.includes("pay") ? "billing" : text.includes("down") ? "outage" : "hm";
    if (notes?.includes("found")) return "no JSON";
    return notes
      ? JSON.stringify({ action: "answer", answer: `As we know: ${notes}` })
      : JSON.stringify({ action: "search", query: text.trim() });
  } finally {
    inFlight--;
  }
};
const search: Search = async (query) => (query.includes("pay") ? "pay by card" : undefined);

const gate = new Gate({ concurrency: 3, rate: { requests: 10_000, per: 1_000 } });
const createStore = (): Case => ({
  tickets: [
    { id: "a", text: "How do I pay?" },
    { id: "b", text: "It is down" },
    { id: "c", text: "Hello" },
    { id: "d", text: "I cannot pay" },
  ],
  answers: {},
});

const shared = createStore();
const flow = createFlow({ llm, search, gate });
const action = await flow.run(shared, { signal: AbortSignal.timeout(30_000), maxSteps: 100 });
console.log(JSON.stringify({ action: action ?? "default", answers: shared.answers, report: shared.report }));
console.log(JSON.stringify({ peak, refused: gate.stats().refused }));

const stopped = await flow
  .run(createStore(), { signal: AbortSignal.abort(new Error("stop")) })
  .catch((error) => error);
const error = await flow.run(createStore(), { maxSteps: 2 }).catch((reason) => reason);
console.log(stopped.message, error instanceof SluiceError && error.code, locate(error)?.flow);
