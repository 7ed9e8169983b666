// Warnings in PocketFlow's words, on the console as in PocketFlow.

/** Warns on the console, if there is one. */
export function warn(text: string): void {
  (globalThis as { console?: { warn?(text: string): void } }).console?.warn?.(text);
}
