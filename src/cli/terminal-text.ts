// Texts for a terminal: without control characters and passwords, and within its width.

/** Escapes control characters, line breaks and bidirectional controls. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
  });

/** The same, line by line. */
export const printableLines = (text: string): string => text.split(/\r?\n/).map(printable).join("\n");

/** Truncates a text to a width. @param width - `undefined` for no limit. */
export function cut(text: string, width: number | undefined): string {
  if (width === undefined || text.length <= width) return text;
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** Hides the passwords of URLs. */
export const withoutPasswords = (text: string): string =>
  text
    .replace(/\b([a-z][a-z\d+.-]*:\/\/[^\s:/?#@]*):\S*@/gi, "$1:***@")
    .replace(/([?&]\w*password=)[^\s&"']*/gi, "$1***");

/** Formats rows in aligned columns. @param width - The width of the terminal. */
export function table(rows: readonly (readonly string[])[], width: number | undefined): string {
  const most = width === undefined ? undefined : Math.max(8, Math.floor(width / 2));
  const cells = rows.map((row) => row.map((cell) => cut(printable(cell), most)));
  const last = (rows[0]?.length ?? 0) - 1;
  const widths = rows[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const lineOf = (row: readonly string[], at: number) =>
    row
      .map((cell, column) =>
        column === last ? printable(rows[at]?.[column] ?? "") : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return cells.map((row, at) => `${cut(lineOf(row, at), width)}\n`).join("");
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** Formats a duration in one unit. */
export function age(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** A value as JSON, with replacements for plain data that JSON cannot represent. */
export function jsonOf(value: object): string {
  const above: { readonly source: object; readonly written: object }[] = [];
  const text = JSON.stringify(
    value,
    function (this: object, _key, each: unknown) {
      while (above.length > 0 && above.at(-1)?.written !== this) above.pop();
      if (typeof each === "bigint") return String(each);
      if (typeof each === "number" && !Number.isFinite(each)) return String(each);
      if (typeof each !== "object" || each === null) return each;
      if (above.some(({ source }) => source === each)) return "[circular]";
      const written = each instanceof Map || each instanceof Set ? [...each] : each;
      above.push({ source: each, written });
      return written;
    },
    2,
  );
  return text.replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
