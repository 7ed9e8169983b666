// What a good engineer would write by hand for each workload, knowing it: the physical limit.
import { range, withHooks } from "../hooks.mjs";
import { Bucket } from "../vendor.mjs";

const isThenable = (value) => typeof value === "object" && value !== null && typeof value.then === "function";

class Step {
  links = new Map();
  on(action, node) {
    this.links.set(action, node);
    return node;
  }
}

async function walk(start, shared, ctx) {
  let node = start;
  for (;;) {
    let prepared = node.prep(shared, ctx);
    if (isThenable(prepared)) prepared = await prepared;
    let result = node.exec(prepared, ctx);
    if (isThenable(result)) result = await result;
    let action = node.post(shared, prepared, result, ctx);
    if (isThenable(action)) action = await action;
    const next = node.links.get(action ?? "default");
    if (next === undefined) return action;
    node = next;
  }
}

export function chain(hookSets) {
  const nodes = hookSets.map((hooks) => new (withHooks(Step, hooks))());
  nodes.forEach((node, at) => {
    node.on("again", nodes[(at + 1) % nodes.length]);
  });
  return (shared) => walk(nodes[0], shared);
}

const buildAndRun = (classes) => {
  const nodes = classes.map((Class) => new Class());
  for (let at = 1; at < nodes.length; at++) nodes[at - 1].on("again", nodes[at]);
  return nodes[0];
};

export const small = (hookSets) => {
  const classes = hookSets.map((hooks) => withHooks(Step, hooks));
  return (shared) => walk(buildAndRun(classes), shared);
};

export const atOnce = (hookSets) => {
  const start = buildAndRun(hookSets.map((hooks) => withHooks(Step, hooks)));
  return (shared) => walk(start, shared);
};

const fanOutOver = (prep) => async (exec, count, concurrency) => {
  const prepared = prep(count);
  const iterator = isThenable(prepared) ? await prepared : prepared;
  const results = [];
  let index = 0;
  const work = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const mine = index++;
      results[mine] = await exec(next.value);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return results;
};
export const fanOut = fanOutOver(range);
export const fanOutAsyncPrep = fanOutOver(async (count) => range(count));

export function flowPerItem(hookSets) {
  const nodes = hookSets.map((hooks) => new (withHooks(Step, hooks))());
  for (let at = 1; at < nodes.length; at++) nodes[at - 1].on("default", nodes[at]);
  return async (shared, count, concurrency) => {
    const iterator = range(count);
    const actions = [];
    let index = 0;
    const work = async () => {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        const mine = index++;
        actions[mine] = await walk(nodes[0], shared, { params: { n: next.value } });
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  };
}

/** A counting semaphore and a token bucket, looked at inline. */
class HandGate {
  #free;
  #rate;
  #level;
  #last = performance.now();
  #waiting = [];

  constructor(concurrency, perSecond) {
    this.#free = concurrency;
    this.#rate = perSecond / 1000;
    this.#level = perSecond;
  }

  /** A promise when the caller must wait, and nothing when it may start. */
  enter() {
    const now = performance.now();
    this.#level += (now - this.#last) * this.#rate;
    this.#last = now;
    if (this.#free > 0 && this.#level >= 1) {
      this.#free--;
      this.#level--;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave() {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

export async function idleGate(execs, count, concurrency) {
  const gate = new HandGate(concurrency * execs.length, 1e9);
  const each = async (exec) => {
    const iterator = range(count);
    const results = [];
    let index = 0;
    const work = async () => {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        const mine = index++;
        const wait = gate.enter();
        if (wait !== undefined) await wait;
        try {
          results[mine] = await exec(next.value);
        } finally {
          gate.leave();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return results;
  };
  return Promise.all(execs.map(each));
}

/** The vendor's own buckets once more, and one timer: each call starts at the first moment that they allow. */
export async function bindingGate({ requests, tokens, burst }, jobs, _slots, call) {
  const requestsLeft = new Bucket(requests, burst);
  const tokensLeft = tokens === undefined ? undefined : new Bucket(tokens, burst);
  const running = [];
  for (const job of jobs) {
    for (;;) {
      const now = performance.now();
      const wait = Math.max(requestsLeft.wait(1.5, now), tokensLeft?.wait(job.tokens, now) ?? 0);
      if (wait === 0) break;
      await new Promise((resolve) => setTimeout(resolve, wait + 1)); // timers may fire early, and the half request is for clocks
    }
    requestsLeft.spend(1);
    tokensLeft?.spend(job.tokens);
    running.push(call(job));
  }
  await Promise.all(running);
}

/** A client that knows how many calls the vendor takes at once. */
export async function movingLimit(vendor, _callers) {
  const running = new Set();
  while (vendor.isOpen) {
    while (running.size < vendor.capacity) {
      const call = vendor.call().finally(() => running.delete(call));
      running.add(call);
    }
    await Promise.race(running);
  }
  await Promise.all(running);
}

export async function abort(exec, count, concurrency, signal) {
  const iterator = range(count);
  const aborted = new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const work = async () => {
    for (let next = iterator.next(); !next.done && !signal.aborted; next = iterator.next()) {
      await exec(next.value, signal);
    }
  };
  await Promise.race([aborted, Promise.all(Array.from({ length: concurrency }, work))]);
}
