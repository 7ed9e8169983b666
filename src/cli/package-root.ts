// The root of this package, with its cookbook and its manifest.
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** A package can resolve itself by its name. */
export const packageRoot = (): string =>
  dirname(createRequire(import.meta.url).resolve("sluice/package.json"));
