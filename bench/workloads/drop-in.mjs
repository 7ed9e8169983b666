// drop-in: programs written for PocketFlow, on the package and on sluice/pocketflow. The baseline is PocketFlow.
import { asyncHooks, syncHooks } from "../hooks.mjs";
import * as chain from "./chain.mjs";
import * as fanOut from "./fan-out.mjs";
import * as flowPerItem from "./flow-per-item.mjs";
import * as small from "./small.mjs";

export const title = "Drop-in: programs of PocketFlow (the baseline) on sluice/pocketflow";
export const unit = "step, run or item";
const target = 1.2;
export const cases = {
  "chain, async hooks": { of: chain, adapter: "chain", steps: 100_000, hooks: asyncHooks, target },
  "chain, sync hooks": { of: chain, adapter: "chain", steps: 100_000, hooks: syncHooks, target },
  "small flow, built and run": { of: small, adapter: "small", runs: 2_000, hooks: asyncHooks, target },
  "parallel batch of 100,000": { of: fanOut, adapter: "fanOut", count: 100_000, target },
  "parallel batch flow of 20,000": { of: flowPerItem, adapter: "flowPerItem", count: 20_000, target },
};
export const files = { baseline: "pocketflow", sluice: "sluice-pocketflow" };
export const peers = {};

export const measure = (program, { of, ...chosen }) => of.measure(program, chosen);
