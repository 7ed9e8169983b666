// @llamaindex/workflow-core: a handler per node, an event per step.
import { createWorkflow, workflowEvent } from "@llamaindex/workflow-core";

export function chain(hookSets) {
  const events = hookSets.map(() => workflowEvent());
  const stop = workflowEvent();
  const workflow = createWorkflow();
  hookSets.forEach(({ prep, exec, post }, at) => {
    const next = events[(at + 1) % events.length];
    const follow = (shared, action) => (action === "again" ? next : stop).with(shared);
    // A handler that is not async makes it recurse: 10,000 steps then overflow the stack.
    workflow.handle([events[at]], async (_context, { data: shared }) => {
      const prepared = await prep(shared);
      return follow(shared, await post(shared, prepared, await exec(prepared)));
    });
  });
  return async (shared) => {
    const { stream, sendEvent } = workflow.createContext();
    sendEvent(events[0].with(shared));
    for await (const event of stream) if (stop.include(event)) return;
  };
}
