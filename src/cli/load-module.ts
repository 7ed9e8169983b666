// Loads a module of the user, in JavaScript or TypeScript.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Failure, UsageError } from "./io.js";
import { withoutPasswords } from "./terminal-text.js";

/**
 * Loads a module from its file.
 *
 * @param path - The path that the user has given.
 * @throws UsageError for TypeScript that cannot be loaded here; Failure with the reason.
 */
export async function loadModule(file: string, path: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(file).href;
  const isTyped = /\.[cm]?tsx?$/.test(file);
  // Bun and Deno load TypeScript themselves, and cannot run tsx.
  const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
  const tsx = isTyped && isNode ? findTsx(file) : undefined;
  const needsTsx = isTyped && isNode && !("typescript" in process.features && process.features.typescript);
  if (needsTsx && tsx === undefined) {
    const node = `Node ${process.versions.node}, which reads no types`;
    throw new UsageError(`tsx beside ${path}`, node, "Install it: npm install --save-dev tsx");
  }
  try {
    if (tsx === undefined) return await import(url);
    const { tsImport } = (await import(tsx)) as {
      tsImport(url: string, parent: string): Promise<Record<string, unknown>>;
    };
    return await tsImport(url, import.meta.url);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Failure(`${path} could not be loaded:\n${withoutPasswords(reason)}`);
  }
}

/** The path of tsx in the module's project, if it is installed. `require` would resolve another build of it. */
function findTsx(file: string): string | undefined {
  try {
    const manifest = createRequire(file).resolve("tsx/package.json");
    const { exports } = JSON.parse(readFileSync(manifest, "utf8"));
    const entry = exports["./esm/api"].import;
    return new URL(typeof entry === "string" ? entry : entry.default, pathToFileURL(manifest)).href;
  } catch {
    return undefined;
  }
}
