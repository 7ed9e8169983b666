// @langchain/langgraph: a StateGraph with a conditional edge back to its node.
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";

export async function chain(hookSets) {
  const State = Annotation.Root({ shared: Annotation(), action: Annotation() });
  const graph = new StateGraph(State);
  hookSets.forEach(({ prep, exec, post }, at) => {
    graph.addNode(`step${at}`, async ({ shared }) => {
      const prepared = await prep(shared);
      return { action: await post(shared, prepared, await exec(prepared)) };
    });
  });
  graph.addEdge(START, "step0");
  hookSets.forEach((_hooks, at) => {
    const next = `step${(at + 1) % hookSets.length}`;
    graph.addConditionalEdges(`step${at}`, ({ action }) => (action === "again" ? next : END), [next, END]);
  });
  const compiled = graph.compile();
  return (shared) => compiled.invoke({ shared }, { recursionLimit: Number.MAX_SAFE_INTEGER });
}
