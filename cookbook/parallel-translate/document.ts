// Splits a Markdown document into parts.

/**
 * Splits a document at empty lines into parts of at most `most` letters, and never inside a block of code; a
 * paragraph or a block that is longer by itself stays whole. `parts.join("\n\n")` is the document again.
 */
export function splitDocument(text: string, most: number): string[] {
  const parts: string[] = [];
  let open = false;
  let glued = false;
  for (const paragraph of text.trim().split("\n\n")) {
    const last = parts.at(-1);
    if (last !== undefined && (glued || last.length + 2 + paragraph.length <= most)) {
      parts[parts.length - 1] = `${last}\n\n${paragraph}`;
    } else parts.push(paragraph);
    for (const _ of paragraph.matchAll(/^ {0,3}```/gm)) open = !open;
    glued = open;
  }
  return parts;
}
