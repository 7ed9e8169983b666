// effect: each hook is an Effect, the loop is Effect's own.
import { Effect, Layer, Semaphore } from "effect";
import * as RateLimiter from "effect/persistence/RateLimiter";
import { range } from "../hooks.mjs";

/** Whether the hooks of a set return promises, which Effect must be told. */
const lift = ({ exec }, hook) =>
  exec.constructor.name === "AsyncFunction"
    ? (...args) => Effect.promise(() => hook(...args))
    : (...args) => Effect.sync(() => hook(...args));

export function chain(hookSets) {
  const steps = hookSets.map((hooks) => {
    const [prep, exec, post] = ["prep", "exec", "post"].map((name) => lift(hooks, hooks[name]));
    return (shared) =>
      Effect.flatMap(prep(shared), (prepared) =>
        Effect.flatMap(exec(prepared), (result) => post(shared, prepared, result)),
      );
  });
  return (shared) =>
    Effect.runPromise(
      Effect.gen(function* () {
        for (let at = 0; ; at++) {
          const action = yield* steps[at % steps.length](shared);
          if (action !== "again") return action;
        }
      }),
    );
}

export const fanOut = (exec, count, concurrency) =>
  Effect.runPromise(
    Effect.forEach(range(count), (item) => Effect.promise(() => exec(item)), { concurrency }),
  );

export function flowPerItem(hookSets) {
  return (shared, count, concurrency) =>
    Effect.runPromise(
      Effect.forEach(
        range(count),
        (n) =>
          Effect.gen(function* () {
            const ctx = { params: { n } };
            for (const { prep, exec, post } of hookSets) {
              const prepared = prep(shared, ctx);
              post(shared, prepared, yield* Effect.promise(() => exec(prepared)));
            }
          }),
        { concurrency, discard: true },
      ),
    );
}

const rateLimiter = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory));

export const idleGate = (execs, count, concurrency) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const limited = yield* RateLimiter.makeWithRateLimiter;
      const limit = limited({
        key: "vendor",
        algorithm: "token-bucket",
        window: "1 second",
        limit: 1e9,
        onExceeded: "delay",
      });
      const slots = yield* Semaphore.make(concurrency * execs.length);
      const each = (exec) =>
        Effect.forEach(
          range(count),
          (item) => Semaphore.withPermit(slots, limit(Effect.promise(() => exec(item)))),
          { concurrency },
        );
      return yield* Effect.forEach(execs, each, { concurrency: "unbounded" });
    }).pipe(Effect.provide(rateLimiter)),
  );

/** A limit of tokens is a second limiter. */
export const bindingGate = ({ requests, tokens, burst }, jobs, concurrency, call) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const limited = yield* RateLimiter.makeWithRateLimiter;
      const bucket = (key, perSecond, cost) =>
        limited({
          key,
          algorithm: "token-bucket",
          window: `${burst} millis`,
          limit: Math.round((perSecond * burst) / 1_000),
          tokens: cost,
          onExceeded: "delay",
        });
      const one = (job) => {
        const work = Effect.promise(() => call(job)).pipe(bucket("requests", requests, 1));
        return tokens === undefined ? work : work.pipe(bucket("tokens", tokens, job.tokens));
      };
      yield* Effect.forEach(jobs, one, { concurrency, discard: true });
    }).pipe(Effect.provide(rateLimiter)),
  );

export const abort = (exec, count, concurrency, signal) =>
  Effect.runPromise(
    Effect.forEach(range(count), (item) => Effect.promise((inner) => exec(item, inner)), {
      concurrency,
      discard: true,
    }),
    { signal },
  );
