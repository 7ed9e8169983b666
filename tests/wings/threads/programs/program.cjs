// What each program does with sluice/threads, however it was built and started. It must end by itself.
module.exports = async function program({ asyncify, sharedPool, ThreadPool }, { Flow, node }, module) {
  const hash = asyncify(module, "hash");
  const count = asyncify(module, "count");
  const store = {};
  const hashes = node({
    prep: () => "a",
    exec: hash,
    post: (shared, _text, result) => {
      shared.hash = result;
    },
  });
  await new Flow(hashes).run(store);
  const seen = [];
  for await (const n of count(3)) seen.push(n);
  const square = asyncify((n) => n * n);
  const pool = new ThreadPool({ threads: 1 });
  const spin = asyncify(
    () => {
      for (;;);
    },
    { pool },
  );
  const aborted = await spin({ signal: AbortSignal.timeout(300) }).catch((error) => error.name);
  const died = await asyncify(() => process.exit(3), { pool })().catch((error) => error.code);
  const after = await asyncify(() => "goes on", { pool })();
  const threads = sharedPool.stats().threads > 0;
  return JSON.stringify({
    hash: store.hash.slice(0, 8),
    seen,
    square: await square(7),
    aborted,
    died,
    after,
    threads,
  });
};
