// What is to be written about: facts about an installed package, read from its package.json.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { InputError } from "./input-error.js";

const manifest = z.object({
  name: z.string(),
  version: z.string().default("0.0.0"),
  description: z.string().default("It does not say what it does"),
  license: z.string().default("none"),
  engines: z.object({ node: z.string().optional() }).default({}),
  dependencies: z.record(z.string(), z.string()).default({}),
  types: z.string().optional(),
});

/** Facts about a package, as sentences. @throws InputError if it is not installed in `folder` or above it. */
export async function factsOf(name: string, folder: string): Promise<string[]> {
  const { version, description, license, engines, dependencies, types } = await find(name, folder);
  const count = Object.keys(dependencies).length;
  return [
    `${name} is at version ${version}.`,
    `${description.replace(/[.\s]+$/, "")}.`,
    `Its licence is ${license}.`,
    engines.node ? `It needs Node ${engines.node}.` : "It names no version of Node.",
    count === 0
      ? "It depends on nothing."
      : `It depends on ${count} other ${count === 1 ? "package" : "packages"}.`,
    types ? "Types for TypeScript are included." : "Its main entry names no types for TypeScript.",
  ];
}

async function find(name: string, folder: string): Promise<z.infer<typeof manifest>> {
  for (let at = folder; ; at = dirname(at)) {
    const text = await readFile(join(at, "node_modules", name, "package.json"), "utf8").catch(
      () => undefined,
    );
    if (text !== undefined) return manifest.parse(JSON.parse(text));
    if (dirname(at) !== at) continue;
    throw new InputError(
      `Expected the name of an installed package, got "${name}". Install it, or name another.`,
    );
  }
}
