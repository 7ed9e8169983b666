// p-map: a bounded map over an iterable.
import pMap from "p-map";
import { range } from "../hooks.mjs";

export const fanOut = (exec, count, concurrency) => pMap(range(count), exec, { concurrency });

export const abort = (exec, count, concurrency, signal) =>
  pMap(range(count), (item) => exec(item, signal), { concurrency, signal });
