// @langchain/langgraph with its SQLite checkpointer: a node with an edge back to itself, and a Send for each item.
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { work } from "../lib/durable.mjs";

export async function durableChain(url) {
  const checkpointer = SqliteSaver.fromConnString(url);
  const State = Annotation.Root({ n: Annotation(), text: Annotation(), until: Annotation() });
  const graph = new StateGraph(State)
    .addNode("step", ({ n }) => work(n))
    .addEdge(START, "step")
    .addConditionalEdges("step", ({ n, until }) => (n < until ? "step" : END), ["step", END])
    .compile({ checkpointer });
  const run = async (id, until) => {
    const options = { configurable: { thread_id: id }, recursionLimit: Number.MAX_SAFE_INTEGER };
    return (await graph.invoke({ n: 0, until }, options)).n;
  };
  return { run, close: async () => void checkpointer.db.close() };
}

export async function durableBatch(url) {
  const checkpointer = SqliteSaver.fromConnString(url);
  const results = Annotation({ reducer: (before, more) => before.concat(more), default: () => [] });
  const graph = new StateGraph(Annotation.Root({ count: Annotation(), results }))
    .addNode("item", async ({ item }) => ({ results: [await work(item)] }))
    .addConditionalEdges(
      START,
      ({ count }) => Array.from({ length: count }, (_, item) => new Send("item", { item })),
      ["item"],
    )
    .addEdge("item", END)
    .compile({ checkpointer });
  const run = async (id, count) => {
    const options = { configurable: { thread_id: id }, maxConcurrency: 64 };
    return (await graph.invoke({ count }, options)).results.length;
  };
  return { run, close: async () => void checkpointer.db.close() };
}
