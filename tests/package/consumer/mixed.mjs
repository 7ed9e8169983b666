// Two builds in one process: it happens when one dependency has bundled sluice, or is of another version.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import program from "./program.cjs";

const required = createRequire(import.meta.url)("sluice");
const imported = await import("sluice");
assert.equal(imported.Node, required.Node); // on Node both are one build
const entry = fileURLToPath(import.meta.resolve("sluice")).replace(/node.index\.js$/, "index.js");
const bundled = await import(entry); // the modules that a bundler takes
assert.notEqual(bundled.Node, imported.Node);
await program(bundled, imported);
await program(imported, bundled);
