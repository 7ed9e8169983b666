// sluice/serve as a stranger gets it: the packed tarball, through import and require.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Packed, pack, run } from "../support/pack.js";

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

const program = `
  const double = node({ post: (shared) => { shared.n *= 2; } });
  const handler = createHandler(new Flow(double));
  const there = remote("http://x/", { fetch: (url, init) => handler(new Request(url, init)) });
  const shared = { n: 21 };
  new Flow(there).run(shared).then(async () => {
    const refused = await new Flow(there).run({ n: 1, toString: undefined, big: 1n }).catch((error) => error);
    console.log(shared.n, refused instanceof SluiceError, refused.code, new RemoteError("REMOTE_BROKEN", "") instanceof SluiceError);
  });`;

test.each([
  [
    "import.mjs",
    `import { Flow, node, SluiceError } from "sluice"; import { createHandler, remote, RemoteError } from "sluice/serve";`,
  ],
  [
    "require.cjs",
    `const { Flow, node, SluiceError } = require("sluice"); const { createHandler, remote, RemoteError } = require("sluice/serve");`,
  ],
  [
    "mixed.mjs",
    `import { createRequire } from "node:module"; import { Flow, node, SluiceError } from "sluice"; const { createHandler, remote, RemoteError } = createRequire(import.meta.url)("sluice/serve");`,
  ],
])("works through %s", async (name, imports) => {
  await writeFile(join(packed.project, `serve-${name}`), imports + program);
  expect(await run(packed.project, process.execPath, "--trace-warnings", `serve-${name}`)).toBe(
    "42 true INVALID_OUTPUT true\n",
  );
});

test("importing sluice does not load it", async () => {
  const code = `import "sluice"; import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
    require("sluice"); console.log(Object.keys(require.cache).some((file) => file.includes("serve")));`;
  expect(await run(packed.project, process.execPath, "--input-type=module", "-e", code)).toBe("false\n");
});
