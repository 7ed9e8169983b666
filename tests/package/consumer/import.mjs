import * as sluice from "sluice";
import program from "./program.cjs";

await program(sluice);
