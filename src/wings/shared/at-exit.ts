// One listener for the end of the process, however many files are open: eleven of them would print a warning.

const open = new WeakMap<NodeJS.Process, Set<() => void>>();

/** Calls `act` when the process ends, until what is returned here is called. */
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
