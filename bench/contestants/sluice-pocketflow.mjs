// sluice/pocketflow, from the built dist/: the programs of pocketflow with another import.
import * as pocketflow from "sluice/pocketflow";
import { programsOf } from "../lib/pocketflow-programs.mjs";

export const { chain, small, atOnce, fanOut, flowPerItem } = programsOf(pocketflow);
