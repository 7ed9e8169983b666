// Writes a page, reports its path, and opens it.
import { chmod, stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, type Io } from "./io.js";
import { openInBrowser } from "./open-in-browser.js";

/** The read permissions of a file, for files derived from it. */
export const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o666;

/** Writes a text file. @param mode - Its permissions. @throws Failure with the reason. */
export async function writeText(path: string, text: string, mode?: number): Promise<void> {
  try {
    if (mode !== undefined && (await stat(path).catch(() => undefined))?.isFile()) await chmod(path, mode);
    await writeFile(path, text, { mode });
  } catch (error) {
    throw new Failure(`${path} could not be written (${(error as Error).message})`);
  }
}

export async function writePage(
  path: string,
  html: string,
  what: string,
  open: boolean,
  io: Io,
  mode?: number,
): Promise<void> {
  await writeText(path, html, mode);
  io.out(`${path} (${Math.ceil(html.length / 1_000).toLocaleString("en")} kB): ${what}\n`);
  if (open) await openOrSay(pathToFileURL(resolve(path)).href, io);
}

export async function openOrSay(url: string, io: Io): Promise<void> {
  if (await openInBrowser(url)) return;
  io.err(`warning: no browser could be started here; open ${url} yourself\n`);
}
