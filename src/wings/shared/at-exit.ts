// One `exit` listener for all open files, because Node warns at eleven listeners.

const open = new WeakMap<NodeJS.Process, Set<() => void>>();

/** Calls `act` when the process ends; the returned function cancels it. */
export function callAtExit(act: () => void): () => void {
  const acts = actsOf(process);
  acts.add(act);
  return () => {
    acts.delete(act);
  };
}

function actsOf(host: NodeJS.Process): Set<() => void> {
  const known = open.get(host);
  if (known !== undefined) return known;
  const acts = new Set<() => void>();
  host.on("exit", () => {
    for (const act of acts) act();
  });
  open.set(host, acts);
  return acts;
}
