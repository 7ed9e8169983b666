import { rm } from "node:fs/promises";

/**
 * Deletes a folder that had a journal in it. libsql keeps a closed file open until the statements of it are collected
 * (tursodatabase/libsql-js, issue 228), and Windows deletes no open file.
 */
export async function removeFolder(folder: string): Promise<void> {
  if (process.platform === "win32") (globalThis as { gc?: () => void }).gc?.();
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}
