// Text for a Mermaid label: whatever a name holds, it stays text. Imports nothing.

/** The most letters of one text. */
const LONGEST = 100;

/**
 * Writes a text for between the quotes of a label. All but letters, digits and what is harmless among them goes
 * as an entity, so there is no quote to close, no tag, no markdown, no directive and no comment. Some pairs mean
 * something to Mermaid even after it has read the entities (its own marks of an entity, a new line, a formula, an
 * icon): an invisible word joiner parts them. White space is one space; control characters are shown by their
 * pictures; what would turn the order of its neighbours, or is half a character, is shown as U+FFFD.
 */
export function label(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST)
    .replace(/[\s\u0085]+/g, " ")
    .replace(/\p{Cc}/gu, picture)
    .replace(/ﬂ(?=°)|¶(?=ß)|\\(?=n)|\$(?=\$)|:(?=fa-)/g, "$&\u2060")
    .replace(/[\u202a-\u202e\u2066-\u2069]|\p{Cs}|\p{Cn}/gu, "\ufffd")
    .trim();
  const letters = [...(/[^\p{C}\p{M}\u2800\u3164\uffa0]/u.test(line) ? line : `“${line}”`)];
  const short = letters.length > LONGEST ? [...letters.slice(0, LONGEST), "…"] : letters;
  return short
    .join("")
    .replace(
      /(?<![\p{L}\p{N}])[-_]|[-_](?![\p{L}\p{N}])|[^\p{L}\p{N} ,·_-]/gu,
      (character) => `#${character.codePointAt(0)};`,
    )
    .replace(/direction(?= )/gi, (word) => `#${word.charCodeAt(0)};${word.slice(1)}`); // read even inside quotes
}

/** Unicode has a picture for each control character of ASCII. */
const picture = (control: string): string =>
  control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd";
