import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as png from "fast-png";
import { afterEach, beforeEach, expect, test } from "vitest";
import { apply, filterNames, paint } from "./filters.js";
import { createImagesFlow, createSteps, EachTask, type Shared } from "./parallel-images.js";

let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "images-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Files that say their name, and a filter that says what it was given once all walks have come to it. */
function start() {
  const pictures = ["a", "b", "c"];
  for (const name of pictures) writeFileSync(join(folder, name), name);
  const tasks = pictures.flatMap((picture) => filterNames.map((filter) => ({ picture, filter })));
  const arrived: (() => void)[] = [];
  const filter = async (bytes: Uint8Array, name: string) => {
    await new Promise<void>((resolve) => {
      arrived.push(resolve);
      if (arrived.length === tasks.length) for (const go of arrived) go();
    });
    return Buffer.from(`${name}-${Buffer.from(bytes)}`);
  };
  const shared: Shared = { from: folder, to: join(folder, "out"), tasks, files: [] };
  return { shared, tasks, filter };
}
const wrong = () => {
  const out = join(folder, "out");
  return readdirSync(out).filter((file) => readFileSync(join(out, file), "utf8") !== file);
};

test("each picture gets its own filter, and all walks run at once", async () => {
  const { shared, tasks, filter } = start();
  await createImagesFlow(filter, tasks.length).run(shared);
  expect(shared.files).toHaveLength(9);
  expect(wrong()).toEqual([]);
});

test("on one store the pictures mix, and nothing fails", async () => {
  class OnOneStore extends EachTask {
    override fork(shared: Shared) {
      return shared;
    }
    override join() {}
  }
  const { shared, tasks, filter } = start();
  await new OnOneStore(createSteps(filter), tasks.length).run(shared);
  expect(wrong().length).toBeGreaterThan(0);
});

test("filters read and write PNG", () => {
  const picture = paint(8, 4, (x) => [x < 4 ? 200 : 0, 0, 0]);
  const pixel = (bytes: Uint8Array, x: number) => [...png.decode(bytes).data.subarray(3 * x, 3 * x + 3)];
  expect(pixel(picture, 0)).toEqual([200, 0, 0]);
  expect(pixel(apply(picture, "grayscale"), 0)).toEqual([60, 60, 60]);
  expect(pixel(apply(picture, "sepia"), 0)).toEqual([79, 70, 54]);
  expect(pixel(apply(picture, "blur"), 4)[0]).toBeCloseTo((200 * 4) / 9, 0);
});
