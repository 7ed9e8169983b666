// Where a test of a recipe starts `node --import tsx <recipe>/main.ts`, the bundle of that program is started in its
// place. The recipes' tests need not know: copied elsewhere they start the source.
import type { SpawnOptions } from "node:child_process";
import { vi } from "vitest";
import { bundleOf } from "./bundle-recipes.js";

vi.mock(import("node:child_process"), async (importOriginal) => {
  const original = await importOriginal();
  const spawn = (command: string, args: readonly string[], options: SpawnOptions) => {
    const [flag, , program = "", ...rest] = args;
    const bundle = flag === "--import" ? bundleOf(program) : undefined;
    return original.spawn(command, bundle === undefined ? args : [bundle, ...rest], options);
  };
  return { ...original, spawn: spawn as typeof original.spawn };
});
