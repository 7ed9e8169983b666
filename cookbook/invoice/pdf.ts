// The text of a PDF, row by row.
import { readFile } from "node:fs/promises";
import { extractTextItems, getDocumentProxy } from "unpdf";

/** Texts that are further apart are separate columns. */
const GAP = 6;

/** Reads the rows of all pages; columns are separated by two spaces. */
export async function rowsOf(path: string, signal: AbortSignal): Promise<string> {
  const bytes = await readFile(path, { signal });
  const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  try {
    const { items: pages } = await extractTextItems(document);
    const rows = pages.flatMap((items) => {
      const byHeight = new Map<number, typeof items>();
      for (const item of items.filter(({ str }) => str.trim() !== "")) {
        const height = Math.round(item.y);
        byHeight.set(height, [...(byHeight.get(height) ?? []), item]);
      }
      const fromTheTop = [...byHeight].sort(([a], [b]) => b - a);
      return fromTheTop.map(([, row]) => {
        let end = Number.POSITIVE_INFINITY;
        return row
          .sort((a, b) => a.x - b.x)
          .map(({ str, x, width }) => {
            const space = x - end > GAP ? "  " : x - end > 1 ? " " : "";
            end = x + width;
            return space + str.trim();
          })
          .join("");
      });
    });
    if (rows.length === 0) throw new Error("No text in it: it may be a scan");
    return rows.join("\n");
  } finally {
    await document.destroy();
  }
}
