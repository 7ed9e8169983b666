// The core in a runtime that has files: prints the results as JSON.
import * as sluice from "sluice";
import { smoke } from "./smoke.mjs";

console.log(JSON.stringify(await smoke(sluice)));
