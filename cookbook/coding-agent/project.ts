// A small project with two faults, to try the agent on.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FILES = {
  "package.json": `{ "name": "till", "private": true, "type": "module" }\n`,
  "src/till.js": `/** What the items cost together. */
export function total(items) {
  return items.reduce((sum, item) => sum + item.price + item.count, 0);
}

/** A percentage of an amount; 0 below the limit. */
export function rebate(amount, percent, limit = 20) {
  if (amount > limit) return (amount * percent) / 100;
  return 0;
}
`,
  "test/till.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { rebate, total } from "../src/till.js";

test("counts each item as often as it is bought", () => {
  assert.equal(total([{ price: 5, count: 3 }, { price: 2, count: 1 }]), 17);
});
test("gives a rebate from the limit on", () => {
  assert.equal(rebate(20, 10), 2);
  assert.equal(rebate(19, 10), 0);
});
`,
};

/** Makes the project in a new folder below the system's temporary one. */
export function createProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "till-"));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
