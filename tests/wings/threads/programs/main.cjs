const sluice = require("sluice");
const threads = require("sluice/threads");
const program = require("./program.cjs");

program(threads, sluice, require.resolve("./hash.cjs")).then(console.log);
