// Locates thread.cjs: beside this module, or as a copy if a bundler left it out.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { callAtExit } from "../shared/at-exit.js";

/** The text of thread.cjs, inserted by the build. Undefined in the sources, where the file exists. */
declare const THREAD_SOURCE: string | undefined;

/** A file that threads can load. */
export interface ThreadFile {
  readonly path: string;
  /** Deletes the file, if it is a copy. */
  release(): void;
}

/**
 * Finds thread.cjs, or writes it to a temporary folder that is deleted at the end of the process.
 * @throws The system's error.
 */
export function threadFile(): ThreadFile {
  const beside = pathBeside();
  const source = typeof THREAD_SOURCE === "string" ? THREAD_SOURCE : undefined;
  if (beside !== undefined && (source === undefined || textOf(beside) === source)) {
    return { path: beside, release() {} };
  }
  if (source === undefined) throw new Error("thread.cjs of sluice/threads is not beside its module");
  const folder = mkdtempSync(join(tmpdir(), "sluice-threads-"));
  const path = join(folder, "thread.cjs");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = callAtExit(remove);
  writeFileSync(path, source, { mode: 0o600 });
  return {
    path,
    release() {
      forget();
      remove();
    },
  };
}

/** `undefined` in a bundle without `import.meta.url`. */
function pathBeside(): string | undefined {
  try {
    return fileURLToPath(new URL("thread.cjs", import.meta.url));
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
