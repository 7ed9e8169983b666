// A simulated vendor: a bucket of requests, and one of tokens if it counts them. A call for which there is nothing
// left is answered 429 with Retry-After in 20 ms, and any other takes 20 to 80 ms.

export class Vendor {
  calls = 0;
  refused = 0;
  #requests;
  #tokens;

  /** @param limits - `requests` and `tokens` a second; `burst`, how many ms of them may be saved up. */
  constructor({ requests, tokens, burst }) {
    this.#requests = new Bucket(requests, burst);
    if (tokens !== undefined) this.#tokens = new Bucket(tokens, burst);
  }

  /** One call; it rejects with an error that has `status: 429` and headers when it came too early. */
  call = ({ duration, tokens }) => {
    this.calls++;
    const now = performance.now();
    const wait = Math.max(this.#requests.wait(1, now), this.#tokens?.wait(tokens, now) ?? 0);
    if (wait > 0) {
      this.refused++;
      const error = Object.assign(new Error("429 Too Many Requests"), {
        status: 429,
        headers: { "retry-after-ms": String(Math.ceil(wait)) },
      });
      return new Promise((_resolve, reject) => setTimeout(reject, 20, error));
    }
    this.#requests.spend(1);
    this.#tokens?.spend(tokens);
    return new Promise((resolve) => setTimeout(resolve, duration));
  };

  /** The same for clients that know nothing of 429: they wait as long as they are told, and go again. */
  patientCall = async (job) => {
    for (;;) {
      try {
        return await this.call(job);
      } catch (error) {
        if (error.status !== 429) throw error;
        await new Promise((resolve) => setTimeout(resolve, Number(error.headers["retry-after-ms"])));
      }
    }
  };
}

/** A level that rises with time up to its capacity. */
export class Bucket {
  #perMs;
  #capacity;
  #level;
  #at = performance.now();

  constructor(perSecond, burst) {
    this.#perMs = perSecond / 1_000;
    this.#capacity = this.#perMs * burst;
    this.#level = this.#capacity;
  }

  /** Milliseconds until `amount` is there. */
  wait(amount, now) {
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
    return amount <= this.#level + 1e-6 ? 0 : (amount - this.#level) / this.#perMs;
  }

  spend(amount) {
    this.#level -= amount;
  }
}

/** When the last call would end if each started in its turn at the first moment that the vendor allows, in ms. */
export function idealTime({ requests, tokens = Number.POSITIVE_INFINITY, burst }, jobs) {
  let last = 0;
  let spent = 0;
  jobs.forEach((job, at) => {
    spent += job.tokens;
    const byRequests = ((at + 1) / requests) * 1_000 - burst;
    const byTokens = (spent / tokens) * 1_000 - burst;
    last = Math.max(last, Math.max(0, byRequests, byTokens) + job.duration);
  });
  return last;
}

/** Calls of 20 to 80 ms that cost 200 to 1,800 tokens, the same ones for everybody. */
export function jobsOf(count) {
  let seed = 42;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  return Array.from({ length: count }, () => ({
    duration: 20 + 60 * random(),
    tokens: Math.round(200 + 1_600 * random()),
  }));
}
