import * as sluice from "sluice";
import * as threads from "sluice/threads";
import program from "./program.cjs";

console.log(await program(threads, sluice, new URL("../modules/work.js", import.meta.url)));
