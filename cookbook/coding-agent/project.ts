// A small project with two faults, for trying the agent.
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FILES = {
  "package.json": `{ "name": "till", "private": true, "type": "module" }\n`,
  "src/till.js": `import { rebate } from "./rebate.js";

/** What the items cost together. */
export function total(items) {
  return items.reduce((sum, item) => sum + item.price + item.count, 0);
}

/** What is left to pay after a rebate of so many percent. */
export function toPay(items, percent) {
  return total(items) - rebate(total(items), percent);
}
`,
  "src/rebate.js": `/** So many percent of an amount; none under the limit. */
export function rebate(amount, percent, limit = 20) {
  if (amount > limit) return (amount * percent) / 100;
  return 0;
}
`,
  "test/till.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { rebate } from "../src/rebate.js";
import { toPay, total } from "../src/till.js";

test("counts each item as often as it is bought", () => {
  assert.equal(total([{ price: 5, count: 3 }, { price: 2, count: 1 }]), 17);
});
test("takes the rebate off", () => {
  assert.equal(toPay([{ price: 10, count: 4 }], 25), 30);
});
test("gives a rebate from the limit on", () => {
  assert.equal(rebate(20, 10), 2);
  assert.equal(rebate(19, 10), 0);
});
test("costs nothing to buy nothing", () => {
  assert.equal(total([]), 0);
});
`,
};

/** Makes the project in a new folder under the system's temporary one. */
export async function createProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "till-"));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}
