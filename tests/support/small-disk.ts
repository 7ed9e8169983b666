// A disk of a test's own, which may be full or read-only: a tmpfs, which only root can mount.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk that is mounted. */
export interface SmallDisk {
  readonly folder: string;
  /** The same folder where it cannot be written. */
  readonly readOnly: string;
  unmount(): void;
}

/** Mounts a disk of so many kB. */
export function mountDisk(size: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "sluice-disk-"));
  const readOnly = mkdtempSync(join(tmpdir(), "sluice-disk-ro-"));
  const mount = (...args: string[]) => execFileSync("mount", args, { stdio: ["ignore", "ignore", "pipe"] });
  mount("-t", "tmpfs", "-o", `size=${size}k`, "tmpfs", folder);
  mount("--bind", folder, readOnly);
  mount("-o", "remount,bind,ro", readOnly);
  return {
    folder,
    readOnly,
    unmount: () => {
      for (const place of [readOnly, folder]) {
        execFileSync("umount", ["-l", place]);
        rmSync(place, { recursive: true });
      }
    },
  };
}

function reason(): string | undefined {
  try {
    mountDisk(64).unmount();
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0];
  }
}

/** Why no disk can be mounted, as in a container without the right to; tests skip by it. */
export const noDisk = reason();
if (noDisk !== undefined) console.info(`skipped: tests that need a disk of their own (${noDisk})`);
