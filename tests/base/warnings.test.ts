// Warnings reach a developer wherever the library runs.
import { Node } from "sluice";
import { afterEach, expect, test, vi } from "vitest";
import { warn } from "../../src/base/warnings.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a warning is a real warning of the process, and nothing is written to the console", async () => {
  const logged = vi.spyOn(console, "warn").mockImplementation(() => {});
  const seen = new Promise<Error & { code?: string }>((resolve) => process.once("warning", resolve));
  const node = new Node({ name: "A" });
  node.next(new Node());
  node.next(new Node());
  expect(await seen).toMatchObject({ name: "SluiceWarning", code: "SLUICE_LINK_OVERWRITTEN" });
  expect(logged).not.toHaveBeenCalled();
});

test.each([
  ["no process, as in a browser", undefined],
  ["a process without emitWarning, as at the edge", { env: {} }],
])("with %s a warning goes to console.warn, with its code", (_name, process) => {
  const logged = vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.stubGlobal("process", process);
  const node = new Node({ name: "A" });
  node.next(new Node());
  node.next(new Node());
  expect(logged.mock.calls).toEqual([
    [expect.stringMatching(/^SluiceWarning \[SLUICE_LINK_OVERWRITTEN\]: "A"/)],
  ]);
});

test("without a process and without a console nothing fails", () => {
  vi.stubGlobal("process", undefined);
  vi.stubGlobal("console", undefined);
  expect(() => warn("SLUICE_LINK_OVERWRITTEN", "twice")).not.toThrow();
});
