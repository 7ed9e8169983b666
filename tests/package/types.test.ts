// The published types under each compiler: the packed tarball, from ES modules and from CommonJS, with no
// @types/node and no skipLibCheck, since they need nothing but what came with them. One start
// checks all. Those of the wings need more: see wings.test.ts.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Compiled, compileAll, compilersTried } from "../support/compilers.js";
import { type Packed, pack, root } from "../support/pack.js";
import { isFull } from "../support/size.js";

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

const serve = `
  import { Flow, Gate, node } from "sluice";
  import { createHandler, remote, type Handler, type StandardSchema } from "sluice/serve";

  const flow = new Flow(node({ post: (shared: { n: number }) => { shared.n++; } }));
  export const handler: Handler = createHandler(flow, { limits: { running: 5 }, output: ({ n }) => n });
  export const answer: Promise<Response> = handler(new Request("http://x/"));
  declare const schema: StandardSchema<{ text: string }>;
  createHandler(flow, { input: schema, toShared: ({ text }) => ({ n: text.length }) });
  // @ts-expect-error the schema gives no store
  createHandler(flow, { input: schema });
  // @ts-expect-error a store has a number
  createHandler(flow, { input: schema, toShared: ({ text }) => ({ n: text }) });
  flow.next(remote("http://x/", { gate: new Gate(), prep: (shared: { n: number }) => shared.n, result: schema,
    post: (shared, _n, { text }) => { shared.n = text.length; } }));
`;

const strict = { strict: true, exactOptionalPropertyTypes: true };
const projectOf = (source: string, options: object) => ({
  files: { "esm.mts": source, "cjs.cts": source },
  config: {
    compilerOptions: { target: "es2022", module: "nodenext", types: [], skipLibCheck: false, ...options },
  },
});

describe.for(compilersTried(isFull))("under TypeScript %s", (compiler) => {
  let compiled: Compiled<"strict" | "loose" | "serve">;
  beforeAll(async () => {
    const source = await readFile(join(root, "tests/types/must-compile.test-d.ts"), "utf8");
    compiled = await compileAll(compiler, await mkdtemp(join(packed.project, "types-")), {
      strict: projectOf(source, strict),
      loose: projectOf(source, { strict: false }),
      serve: projectOf(serve, strict),
    });
  });

  test.for([
    ["check in full, from ES modules and from CommonJS", "strict"],
    ["check for a project that is not strict", "loose"],
    ["check in full, those of sluice/serve too", "serve"],
  ] as const)("its types %s", ([, name]) => {
    expect(compiled.output[name]).toBe("");
  });
});
