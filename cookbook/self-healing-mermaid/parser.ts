// Mermaid's own parser, in Node: it says whether a diagram is one, and if not, in which line and why.

import type { Parse } from "./self-healing-mermaid.js";

/** Loads Mermaid, which takes half a second and more. */
export async function loadParser(): Promise<Parse> {
  const { Window } = await import("happy-dom");
  // Mermaid cleans labels with DOMPurify, which takes hold of a document when it is loaded, and only then. Left
  // behind, a global `window` would make other libraries believe that they run in a browser.
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
