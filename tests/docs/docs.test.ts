import { fileURLToPath } from "node:url";
import { fakeVendor } from "sluice/testing";
import { afterAll, describe, expect, test, vi } from "vitest";
import { findBlocks } from "./blocks.js";
import { makeScratch } from "./run.js";
import { verifications } from "./verify.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");
const scratch = makeScratch(root);
const all = verifications(findBlocks(root), root, scratch.folder);
afterAll(scratch.remove);

// `new OpenAI()` in an example calls this, whatever the environment of the tests names.
const vendor = await fakeVendor();
vi.stubEnv("OPENAI_BASE_URL", vendor.url);
vi.stubEnv("OPENAI_API_KEY", "none");
afterAll(() => vendor.close());
afterAll(() => vi.unstubAllEnvs());

test("each code block of the documentation has one test", () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

describe.concurrent("what the documentation says is so", () => {
  for (const { name, verify, isAlone } of all) if (!isAlone) test(name, verify, 60_000);
});

describe("what it says of a clock of its own is so", () => {
  for (const { name, verify, isAlone } of all) if (isAlone) test(name, verify, 60_000);
});
