// A fleet in virtual time: a coordinator and a Redis that do one thing at a time, and workers with slots. A slot is free
// again when Redis has stored its outcome. A journal's row is work of the coordinator, which writes it.
const CHUNK_WORK = 1_000;
/** Runs are simulated up to so many items; what is longer goes on at the pace of the second half. */
const MOST = 200_000;

/** The earliest time, and what to do then. */
class Agenda {
  #heap = [];

  get size() {
    return this.#heap.length;
  }

  add(at, act) {
    const heap = this.#heap;
    let index = heap.push({ at, act }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].at <= heap[index].at) break;
      [heap[parent], heap[index]] = [heap[index], heap[parent]];
      index = parent;
    }
  }

  take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      heap[0] = last;
      let index = 0;
      for (;;) {
        const [left, right] = [2 * index + 1, 2 * index + 2];
        let least = index;
        if (left < heap.length && heap[left].at < heap[least].at) least = left;
        if (right < heap.length && heap[right].at < heap[least].at) least = right;
        if (least === index) break;
        [heap[least], heap[index]] = [heap[index], heap[least]];
        index = least;
      }
    }
    return first;
  }
}

/** One that does one thing after another. */
class Server {
  free = 0;
  busy = 0;

  /** @returns When it has done what it is given now. */
  does(now, ms) {
    this.free = Math.max(now, this.free) + ms;
    this.busy += ms;
    return this.free;
  }
}

/**
 * Simulates one batch.
 *
 * @param costs - In ms, of a job and of an item: of Redis, the coordinator, and the journal; a worker's of an item; and
 * how long a message and its answer are under way.
 * @returns The time in ms, and which share of it each was busy.
 */
export function simulate({ costs, workers, slots, items, takes, journal }) {
  const simulated = Math.min(items, Math.max(MOST, 20 * workers * slots));
  const agenda = new Agenda();
  const [redis, coordinator] = [new Server(), new Server()];
  const atItem = costs.coordinator.item + (journal ? costs.journal.item : 0);
  const all = workers * slots;
  const perSlot = Math.min(1_000, Math.max(1, Math.round(CHUNK_WORK / Math.max(takes, 0.01))));
  const size = Math.min(perSlot > 1 ? perSlot * slots : slots, Math.ceil(simulated / (2 * workers)));
  let [sent, queued, done, idle, worked, half] = [0, 0, 0, all, 0, 0];
  /** Items that a worker could begin. */
  const waiting = [];
  let first = 0;

  const send = (now) => {
    while (sent < simulated && queued < 2 * all * perSlot) {
      const count = Math.min(size, simulated - sent);
      sent += count;
      queued += count;
      const handed = coordinator.does(now, costs.coordinator.job);
      agenda.add(redis.does(handed, costs.redis.job), (at) => {
        for (let each = 0; each < count; each++) waiting.push(at);
        begin(at);
      });
    }
  };
  const begin = (now) => {
    while (idle > 0 && first < waiting.length) {
      first++;
      idle--;
      agenda.add(now + takes + costs.worker, end);
    }
  };
  const end = (now) => {
    worked += takes;
    const stored = redis.does(now + costs.trip / 2, costs.redis.item);
    agenda.add(stored, (at) => agenda.add(coordinator.does(at, atItem), finish));
    agenda.add(stored + costs.trip / 2, free);
  };
  const free = (now) => {
    idle++;
    begin(now);
  };
  const finish = (now) => {
    done++;
    queued--;
    if (done === Math.floor(simulated / 2)) half = now;
    send(now);
  };

  send(0);
  let now = 0;
  while (done < simulated) {
    const next = agenda.take();
    now = next.at;
    next.act(now);
  }
  const pace = (now - half) / (simulated - Math.floor(simulated / 2));
  return {
    ms: now + (items - simulated) * pace,
    busy: { workers: worked / (now * all), redis: redis.busy / now, coordinator: coordinator.busy / now },
  };
}
