// One listener per signal for all calls that share it, because Node warns at eleven listeners. Imports nothing.

interface Relay {
  readonly acts: Set<() => void>;
  readonly fire: () => void;
}

const relays = new WeakMap<AbortSignal, Relay>();

/** Calls `act` when a signal fires; the returned function cancels it. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const { acts, fire } = relayOf(signal);
  if (acts.size === 0) signal.addEventListener("abort", fire);
  acts.add(act);
  return () => {
    if (acts.delete(act) && acts.size === 0) signal.removeEventListener("abort", fire);
  };
}

function relayOf(signal: AbortSignal): Relay {
  const known = relays.get(signal);
  if (known !== undefined) return known;
  const acts = new Set<() => void>();
  const fire = () => {
    for (const act of [...acts]) act();
  };
  relays.set(signal, { acts, fire });
  return { acts, fire };
}
