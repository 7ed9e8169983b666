// Texts in terminal columns, where a wide character or an emoji takes two.
import stringWidth from "string-width";

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The width of a text in columns. */
export const widthOf = (text: string): number => stringWidth(text);

/** Pads a text at its end to a width. */
export const padEnd = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - widthOf(text)));

/** Pads a text at its start to a width. */
export const padStart = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - widthOf(text))) + text;

/** Truncates a text to a width at its end. */
export function cutEnd(text: string, most: number): string {
  if (widthOf(text) <= most) return text;
  return `${beginning(lettersOf(text), most - 1)}…`;
}

/** Truncates a text to a width in its middle, because names often differ at their ends. */
export function cutMiddle(text: string, most: number): string {
  if (widthOf(text) <= most) return text;
  const all = lettersOf(text);
  const start = beginning(all, Math.ceil((most - 1) / 2));
  const end = beginning(all.reverse(), most - 1 - widthOf(start), true);
  return `${start}…${end}`;
}

const lettersOf = (text: string): string[] => [...letters.segment(text)].map(({ segment }) => segment);

/** The characters that fit. @param isReversed - Whether to take them from the end. */
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
