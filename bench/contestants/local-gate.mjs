// A gate of this process alone.
import { Gate } from "sluice";

export const gates = async () => ({
  gate: new Gate({ concurrency: 64, rate: { requests: 1e6, per: 1_000 } }),
  close: async () => {},
});
