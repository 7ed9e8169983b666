// Writes a page beside what it shows, says so, and opens it.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, type Io } from "./io.js";
import { openInBrowser } from "./open-in-browser.js";

/** Writes a file of text. @throws Failure with the reason. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
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
): Promise<void> {
  await writeText(path, html);
  io.out(`${path} (${Math.ceil(html.length / 1_000).toLocaleString("en")} kB): ${what}\n`);
  if (open) await openOrSay(pathToFileURL(resolve(path)).href, io);
}

export async function openOrSay(url: string, io: Io): Promise<void> {
  if (await openInBrowser(url)) return;
  io.err(`warning: no browser could be started here; open ${url} yourself\n`);
}
