import { setTimeout as sleep } from "node:timers/promises";

/** Doubles a number, after some time if there is any. */
export const double = async (n, takes) => {
  if (takes > 0) await sleep(takes);
  return 2 * n;
};
