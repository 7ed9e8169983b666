// 7. a vendor that takes 8, then 64, then 4 calls at once and does not say so. The figure is the calls that a client
// that knows gets answered without any delay, over those that were answered. The baseline, which knows, takes 1.07.
import { performance } from "node:perf_hooks";

export const title =
  "A limit of calls at once that moves: the calls of a client that knows it, over those answered";
export const unit = "run";
export const maxRounds = 1;
export const clock = "ideal";
export const adapter = "movingLimit";
export const together = 4;
export const cases = {
  "8, 64, 4 at once": { capacities: [8, 64, 4], rounds: 100, target: 1.34, notQuick: true, slow: true },
};
export const peers = {
  "sluice, 8 at once": { file: "sluice", adapter: "movingLimitOf8" },
  "sluice, 64 at once": { file: "sluice", adapter: "movingLimitOf64" },
};

/** How long a call takes, in ms; a refusal names as long. */
const ROUND = 200;

/** A simulated vendor. `call` rejects with status 429 where too many run. */
class Vendor {
  answered = 0;
  refused = 0;
  #running = 0;
  #capacities;
  #phase;
  #start = performance.now();

  constructor(capacities, rounds) {
    this.#capacities = capacities;
    this.#phase = rounds * ROUND;
  }

  get isOpen() {
    return performance.now() - this.#start < this.#capacities.length * this.#phase;
  }

  /** Calls that it takes at once now. */
  get capacity() {
    return (
      this.#capacities[Math.floor((performance.now() - this.#start) / this.#phase)] ?? this.#capacities.at(-1)
    );
  }

  call = async () => {
    if (this.#running >= this.capacity) {
      this.refused++;
      const headers = { "retry-after-ms": String(ROUND) };
      throw Object.assign(new Error("429 Too Many Requests"), { status: 429, headers });
    }
    this.#running++;
    await new Promise((resolve) => setTimeout(resolve, ROUND));
    this.#running--;
    if (this.isOpen) this.answered++;
  };
}

export async function measure(movingLimit, { capacities, rounds }) {
  const vendor = new Vendor(capacities, rounds);
  await movingLimit(vendor, 100);
  const best = capacities.reduce((sum, capacity) => sum + capacity * rounds, 0);
  return { ms: best, ideal: vendor.answered, refused: vendor.refused };
}
