// xstate: a machine with one state that takes its transition again until it is done. With async hooks the
// state invokes a promise; with sync ones it is an event per step.
import { createActor, fromPromise, setup, toPromise } from "xstate";

export function chain(hookSets) {
  const isAsync = hookSets[0].exec.constructor.name === "AsyncFunction";
  return isAsync ? asyncChain(hookSets) : syncChain(hookSets);
}

function asyncChain(hookSets) {
  const states = Object.fromEntries(
    hookSets.map(({ prep, exec, post }, at) => [
      `step${at}`,
      {
        invoke: {
          src: fromPromise(async ({ input: shared }) => {
            const prepared = await prep(shared);
            return post(shared, prepared, await exec(prepared));
          }),
          input: ({ context }) => context.shared,
          onDone: [
            { guard: ({ event }) => event.output === "done", target: "done" },
            { target: `step${(at + 1) % hookSets.length}`, reenter: true },
          ],
        },
      },
    ]),
  );
  return machineOf(states, () => {});
}

function syncChain(hookSets) {
  const states = Object.fromEntries(
    hookSets.map(({ prep, exec, post }, at) => [
      `step${at}`,
      {
        on: {
          step: [
            {
              guard: ({ context: { shared } }) => {
                const prepared = prep(shared);
                return post(shared, prepared, exec(prepared)) === "done";
              },
              target: "done",
            },
            { target: `step${(at + 1) % hookSets.length}`, reenter: true },
          ],
        },
      },
    ]),
  );
  return machineOf(states, (actor) => {
    while (actor.getSnapshot().status === "active") actor.send({ type: "step" });
  });
}

function machineOf(states, drive) {
  const machine = setup({}).createMachine({
    context: ({ input }) => ({ shared: input }),
    initial: "step0",
    states: { ...states, done: { type: "final" } },
  });
  return async (shared) => {
    const actor = createActor(machine, { input: shared });
    actor.start();
    drive(actor);
    await toPromise(actor);
  };
}
