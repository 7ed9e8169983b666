// Texts in columns of a terminal, where a wide letter or an emoji takes two.
import stringWidth from "string-width";

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** How many columns a text takes. */
export const widthOf = (text: string): number => stringWidth(text);

/** Fills a text up to some columns. */
export const padEnd = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - widthOf(text)));

/** The same, with the text at the right. */
export const padStart = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - widthOf(text))) + text;

/** Cuts a text to some columns, at its end. */
export function cutEnd(text: string, most: number): string {
  if (widthOf(text) <= most) return text;
  return `${beginning(lettersOf(text), most - 1)}…`;
}

/** Cuts a text to some columns in its middle, since names often differ at their ends. */
export function cutMiddle(text: string, most: number): string {
  if (widthOf(text) <= most) return text;
  const all = lettersOf(text);
  const start = beginning(all, Math.ceil((most - 1) / 2));
  const end = beginning(all.reverse(), most - 1 - widthOf(start), true);
  return `${start}…${end}`;
}

const lettersOf = (text: string): string[] => [...letters.segment(text)].map(({ segment }) => segment);

/** As many letters as fit. @param isReversed - Whether they come from the end. */
function beginning(all: readonly string[], most: number, isReversed = false): string {
  let text = "";
  let width = 0;
  for (const letter of all) {
    width += widthOf(letter);
    if (width > most) break;
    text = isReversed ? letter + text : text + letter;
  }
  return text;
}
