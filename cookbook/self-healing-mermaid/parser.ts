// Mermaid's own parser, in Node: it accepts a diagram, or names the line and the reason.

import type { Parse } from "./self-healing-mermaid.js";

/** Loads Mermaid, which takes half a second and more. */
export async function loadParser(): Promise<Parse> {
  const { Window } = await import("happy-dom");
  // Mermaid cleans labels with DOMPurify, which needs a document only while it is loaded. The global `window` is removed
  // afterwards, since other libraries would take Node for a browser.
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  try {
    const { default: mermaid } = await import("mermaid");
    return (diagram) => mermaid.parse(diagram);
  } finally {
    Reflect.deleteProperty(globalThis, "window");
    Reflect.deleteProperty(globalThis, "document");
  }
}
