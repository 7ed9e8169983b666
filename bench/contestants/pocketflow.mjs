// pocketflow, the TypeScript port: it awaits every hook, clones a node at every step, and its parallel classes
// start all items at once.
import * as pocketflow from "pocketflow";
import { programsOf } from "../lib/pocketflow-programs.mjs";

export const { chain, small, atOnce, fanOut, flowPerItem, overlap } = programsOf(pocketflow);
