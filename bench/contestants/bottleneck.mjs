// bottleneck, with a job per call, in the three ways that its readme gives for a rate.
import Bottleneck from "bottleneck";
import { range } from "../hooks.mjs";

export function idleGate(execs, count, concurrency) {
  const limiter = new Bottleneck({
    maxConcurrent: concurrency * execs.length,
    reservoir: 1e9,
    reservoirRefreshAmount: 1e9,
    reservoirRefreshInterval: 1_000,
  });
  return Promise.all(
    execs.map((exec) => Promise.all(Array.from(range(count), (item) => limiter.schedule(() => exec(item))))),
  );
}

/** A reservoir counts either requests or tokens; with tokens each job weighs its own. */
const limited = (optionsOf) => async (limits, jobs, concurrency, call) => {
  const { requests, tokens, burst } = limits;
  const amount = Math.max(1, Math.floor(((tokens ?? requests) * burst) / 1_000));
  // A weight also counts against maxConcurrent, so with tokens there can be none.
  const maxConcurrent = tokens === undefined ? concurrency : null;
  const limiter = new Bottleneck({ maxConcurrent, ...optionsOf(limits, amount) });
  const weigh = tokens === undefined ? () => ({}) : (job) => ({ weight: job.tokens });
  await Promise.all(jobs.map((job) => limiter.schedule(weigh(job), () => call(job))));
  await limiter.disconnect();
};

/** The full reservoir again at each interval: fixed windows. */
export const bindingGateRefresh = limited(({ burst }, amount) => ({
  reservoir: amount,
  reservoirRefreshAmount: amount,
  // It insists on multiples of 250 ms.
  reservoirRefreshInterval: Math.max(250, Math.ceil(burst / 250) * 250),
  heartbeatInterval: 250,
}));

/** An increase at each 250 ms, up to the burst. */
export const bindingGateIncrease = limited(({ requests, tokens }, amount) => ({
  reservoir: amount,
  reservoirIncreaseAmount: Math.floor((tokens ?? requests) / 4),
  reservoirIncreaseInterval: 250,
  reservoirIncreaseMaximum: amount,
  heartbeatInterval: 250,
}));

/** Evenly spaced calls; it knows no weights here, and no burst. */
export const bindingGateSpaced = limited(({ requests }) => ({ minTime: 1_000 / requests }));
