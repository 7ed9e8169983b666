// Mermaid's own parser, in Node: it says whether a diagram is one, and if not, in which line and why.

/** Checks a diagram. It rejects with the parser's error, which names the line and what was expected. */
export type Parse = (diagram: string) => Promise<void>;

/** Loads Mermaid, which takes half a second and more. */
export async function loadParser(): Promise<Parse> {
  const { Window } = await import("happy-dom");
  // Mermaid cleans labels with DOMPurify, which takes hold of a document when it is loaded, and only then. Left
  // behind, a global `window` would make other libraries believe that they run in a browser.
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  try {
    const { default: mermaid } = await import("mermaid");
    return async (diagram) => {
      await mermaid.parse(diagram);
    };
  } finally {
    Reflect.deleteProperty(globalThis, "window");
    Reflect.deleteProperty(globalThis, "document");
  }
}
