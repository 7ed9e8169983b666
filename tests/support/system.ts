// What Windows lacks: tests of it skip there, and this says so.
import { statSync } from "node:fs";

const isWindows = process.platform === "win32";

/** Whether a process can handle a signal that another sends. Windows ends it at once. */
export const hasSignals = !isWindows;

/** Whether files have modes, such as "for its owner only". */
export const hasModes = !isWindows;

/** Whether there is `sh`, and files may be programs for it. */
export const hasShell = !isWindows;

if (isWindows)
  console.info("skipped: tests of signals, of the modes of files and of sh (Windows has none of them)");

/** Whether a file is for its owner only, where files have modes. */
export const isPrivate = (path: string): boolean => !hasModes || (statSync(path).mode & 0o777) === 0o600;
