// Warnings as PocketFlow gives them, word for word and on the console, where its programs and their tests look.

/** Warns on the console, where there is one. */
export function warn(text: string): void {
  (globalThis as { console?: { warn?(text: string): void } }).console?.warn?.(text);
}
