// Gated code under the fake timers of a test runner, as docs/guide/testing.md describes. `timers` is the runner's: `fake`,
// `restore` and `advance`.
module.exports = ({ Gate, Flow, node }, timers, expect) => ({
  "a rate, a pause and a backoff move with fake time": async () => {
    timers.fake();
    const gate = new Gate({ rate: { requests: 1, per: 60_000 } });
    let tries = 0;
    const exec = () => {
      if (tries++ === 1)
        throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after": "30" } });
      return tries;
    };
    const flow = new Flow(node({ gate, exec }));
    await gate.run(() => "first");
    const runs = Promise.all([flow.run({}), flow.run({})]);
    await timers.advance(300_000);
    await runs;
    expect(tries).toBe(3);
    timers.restore();
  },
  "a gate that is paused in fake time goes on in real time": async () => {
    const gate = new Gate({ concurrency: 1 });
    timers.fake();
    await timers.advance(600_000);
    const own = new AbortController();
    const refused = { status: 429, headers: { "retry-after-ms": "50" } };
    const call = gate.run(() => Promise.reject(refused), { signal: own.signal }).catch(() => {});
    own.abort();
    await call;
    timers.restore();
    expect(await gate.run(() => "goes on")).toBe("goes on");
  },
});
