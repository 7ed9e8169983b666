// The program: read parallel-images.ts first. Without a folder it paints pictures.
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncify } from "sluice/threads";
import { program, UsageError } from "../lib/main.js";
import { type apply, filterNames, paint } from "./filters.js";
import { createImagesFlow, type Shared } from "./parallel-images.js";

await program("[folder] [--out pictures]", { out: "pictures" }, async ({ words: [given], flags, run }) => {
  const from = given ?? mkdtempSync(join(tmpdir(), "pictures-"));
  for (const n of given === undefined ? [1, 2, 3, 4] : []) {
    const rings = (x: number, y: number) => 128 + 127 * Math.sin(Math.hypot(x - 150, y - 100) / (2 * n));
    const picture = paint(300, 200, (x, y) => [rings(x, y), 64 * n - 1, 255 - rings(y, x)]);
    writeFileSync(join(from, `${n}.png`), picture);
  }
  const pictures = readdirSync(from).filter((file) => file.endsWith(".png"));
  if (pictures.length === 0) throw new UsageError(`Expected PNGs in "${from}", got none.`);
  const tasks = pictures.flatMap((picture) => filterNames.map((filter) => ({ picture, filter })));
  const shared: Shared = { from, to: flags.out, tasks, files: [] };
  const inThreads = asyncify<typeof apply>(new URL("./filters.js", import.meta.url), "apply");
  await createImagesFlow(inThreads).run(shared, run);
  console.log(`${shared.files.length} pictures in ${flags.out}: ${shared.files.sort().join(", ")}`);
});
