// What must hold wherever the core runs. It gets the module of sluice, and uses only what browsers have too.

function assert(holds, what) {
  if (!holds) throw new Error(`Expected ${what}`);
}

const cases = {
  async "a gated batch pauses for a 429 and goes on, in order"({ AsyncParallelBatchNode, Flow, Gate }) {
    const gate = new Gate({ concurrency: 3, rate: { requests: 1_000, per: 1_000 } });
    let calls = 0;
    class Double extends AsyncParallelBatchNode {
      prep(shared) {
        return shared.numbers;
      }
      async exec(number) {
        if (++calls === 5) {
          const headers = new Headers({ "retry-after-ms": "20" });
          throw Object.assign(new Error("Too many requests"), { status: 429, headers });
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
        return number * 2;
      }
      post(shared, _numbers, doubled) {
        shared.doubled = doubled;
      }
    }
    const shared = { numbers: Array.from({ length: 20 }, (_, index) => index) };
    await new Flow(new Double({ gate, concurrency: 8 })).run(shared);
    assert(shared.doubled.join() === shared.numbers.map((number) => number * 2).join(), "results in order");
    assert(calls === 21, `one call more than items, got ${calls}`);
    assert(gate.stats().running === 0, "no call in flight");
  },

  async "an abort rejects with its reason, and exec gets the signal"({ Flow, node }) {
    const controller = new AbortController();
    const reason = new Error("enough");
    let aborted = false;
    const wait = node({
      exec: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(signal.reason);
          });
          controller.abort(reason);
        }),
    });
    const failed = await new Flow(wait).run({}, { signal: controller.signal }).catch((error) => error);
    assert(failed === reason && aborted, `the reason, got ${failed}`);
  },

  async "a timeout aborts an attempt, and the next one succeeds"({ Flow, node }) {
    const slow = node({
      attempts: 2,
      timeout: 20,
      exec: (_input, { attempt }) => (attempt === 0 ? new Promise(() => {}) : "done"),
      post: (shared, _input, result) => {
        shared.result = result;
      },
    });
    const shared = {};
    await new Flow(slow).run(shared);
    assert(shared.result === "done", `"done", got ${shared.result}`);
  },

  async "a stream gives the data of a run as it comes"({ Flow, node }) {
    const count = node({
      async exec(_input, { emit }) {
        for (let at = 0; at < 3; at++) await emit(at);
      },
    });
    const seen = [];
    for await (const event of new Flow(count).stream({}, { types: ["data"] })) seen.push(event.data);
    assert(seen.join() === "0,1,2", `0,1,2, got ${seen}`);
  },

  async "fork and join give each set of params its own store"({ AsyncParallelBatchFlow, node }) {
    const measure = node({
      prep: (_shared, { params }) => params.text,
      exec: async (text) => text.length,
      post: (shared, _text, length) => {
        shared.length = length;
      },
    });
    class Each extends AsyncParallelBatchFlow {
      prep(shared) {
        return shared.texts.map((text) => ({ text }));
      }
      fork() {
        return {};
      }
      join(shared, params, local) {
        shared.lengths[params.text] = local.length;
      }
    }
    const shared = { texts: ["a", "bb", "ccc"], lengths: {} };
    await new Each(measure).run(shared);
    assert(
      JSON.stringify(shared) === '{"texts":["a","bb","ccc"],"lengths":{"a":1,"bb":2,"ccc":3}}',
      "lengths",
    );
  },

  async "a loop follows actions, a nested flow hands its last action out, and a failure is located"(sluice) {
    const { Flow, locate, node } = sluice;
    const again = node({
      name: "Again",
      post: (shared) => (++shared.rounds < 3 ? "again" : "enough"),
    });
    again.on("again", again).end("enough");
    const inner = new Flow(again, { name: "Inner" });
    const fails = node({
      name: "Fails",
      exec() {
        throw new Error("no");
      },
    });
    inner.on("enough", fails);
    const shared = { rounds: 0 };
    const failed = await new Flow(inner, { name: "Outer" }).run(shared).catch((error) => error);
    assert(shared.rounds === 3, `3 rounds, got ${shared.rounds}`);
    assert(locate(failed)?.node === "Fails", `a place, got ${JSON.stringify(locate(failed))}`);
  },

  async "a warning is seen"({ node }) {
    const { console, process } = globalThis;
    const seen = [];
    const onWarning = (warning) => seen.push(String(warning.code));
    const before = console.warn;
    const viaProcess = typeof process?.emitWarning === "function";
    if (viaProcess) process.on("warning", onWarning);
    else console.warn = (text) => seen.push(text);
    try {
      node({ name: "Twice" }).on("x", node({})).on("x", node({}));
      for (let turn = 0; turn < 50 && seen.length === 0; turn++)
        await new Promise((resolve) => setTimeout(resolve, 1));
    } finally {
      console.warn = before;
      if (viaProcess) process.removeListener("warning", onWarning);
    }
    assert(seen.length === 1 && seen[0].includes("SLUICE_LINK_OVERWRITTEN"), `one warning, got ${seen}`);
  },
};

/** Runs all, and gives what each came to: `""`, or why it failed. */
export async function smoke(sluice) {
  const results = {};
  for (const [name, run] of Object.entries(cases)) {
    results[name] = await run(sluice).then(
      () => "",
      (error) => String(error?.stack ?? error),
    );
  }
  return results;
}
