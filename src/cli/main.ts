// The command `sluice`: hands the process to the program and ends with its code.
import { runProgram } from "./program.js";

const code = await runProgram(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
// A module that was loaded to be drawn may hold the process open; what was printed still has to get out.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
