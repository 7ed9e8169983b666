import { afterEach, expect, test, vi } from "vitest";
import { randomId } from "../../src/base/random-id.js";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

afterEach(() => void vi.unstubAllGlobals());

test("ids are UUIDs of version 4 and differ", () => {
  const ids = Array.from({ length: 100 }, () => randomId());
  for (const id of ids) expect(id).toMatch(uuid);
  expect(new Set(ids).size).toBe(100);
});

test("ids are the same where there is no crypto.randomUUID, as in a page of http:", () => {
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  vi.stubGlobal("crypto", { getRandomValues });
  const ids = Array.from({ length: 100 }, () => randomId());
  for (const id of ids) expect(id).toMatch(uuid);
  expect(new Set(ids).size).toBe(100);
});
