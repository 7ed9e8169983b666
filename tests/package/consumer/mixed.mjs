// Two builds in one process: it happens when one dependency imports sluice and another requires it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as esm from "sluice";
import program from "./program.cjs";

const cjs = createRequire(import.meta.url)("sluice");
assert.notEqual(esm.Node, cjs.Node);
await program(esm, cjs);
await program(cjs, esm);
