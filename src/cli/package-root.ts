// Where the package is that this command belongs to: its cookbook lies there, and its version.
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** A package may resolve itself by its name. */
export const packageRoot = (): string =>
  dirname(createRequire(import.meta.url).resolve("sluice/package.json"));
