// Finds documents and reads of each as much as one call may be given.
import { lstat, open } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import { InputError } from "./input-error.js";

/** One file, as far as a call gets to see it. */
export interface Document {
  /** The path as it was found, with forward slashes. */
  readonly file: string;
  readonly text: string;
  /** Only the beginning was read. */
  readonly truncated: boolean;
}

/**
 * Lists the files that are named, match a glob, or lie in a named folder; sorted, each one once.
 *
 * Globs find nothing behind symbolic links, for a workspace links to itself, and nothing that starts with a
 * dot unless they say so.
 *
 * @param but The path of a file to leave out.
 */
export async function findFiles(patterns: readonly string[], cwd: string, but: string): Promise<string[]> {
  const named = new Set<string>();
  const globs: string[] = [];
  for (const pattern of patterns) {
    const path = resolve(cwd, pattern);
    // A shell that expands a glob hands over names, and "[id].md" is a name as well as a glob.
    if (await isNoFolder(path)) named.add(relative(cwd, path).replaceAll(sep, "/"));
    else globs.push(pattern);
  }
  const found =
    globs.length === 0
      ? []
      : await glob(globs, { cwd, caseSensitiveMatch: false, followSymbolicLinks: false });
  const files = [...new Set([...named, ...found])].filter((file) => resolve(cwd, file) !== but);
  return files.sort((a, b) => (a < b ? -1 : 1));
}

const isNoFolder = (path: string) =>
  lstat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );

/**
 * Reads at most the first `maxBytes` of a file.
 *
 * @throws InputError if it cannot be read.
 */
export async function readDocument(file: string, cwd: string, maxBytes: number): Promise<Document> {
  const bytes = await readStart(resolve(cwd, file), maxBytes + 1).catch((error: Error) => {
    throw new InputError(
      `Expected every document to be readable, got "${error.message}" for ${file}. Mend it, or leave it out of the glob.`,
    );
  });
  const truncated = bytes.length > maxBytes;
  // With `stream` a character that the cut went through is left out, not mangled.
  const text = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: truncated });
  return { file, text, truncated };
}

async function readStart(path: string, length: number): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Tells why there is nothing to summarise in a document, if so. */
export function unfitReason({ text }: Document): string | undefined {
  if (text.trim() === "") return "the file is empty";
  if (text.slice(0, 8_000).includes("\0")) return "the file is binary"; // as git tells it
  return undefined;
}
