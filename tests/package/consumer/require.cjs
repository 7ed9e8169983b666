const sluice = require("sluice");
const program = require("./program.cjs");

// An error here is an unhandled rejection, which ends the process with a failure.
program(sluice);
