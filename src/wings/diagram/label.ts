// Escapes text for a Mermaid label. Imports nothing.

/** The maximum length of a label. */
const LONGEST = 100;

/**
 * Escapes a text for a quoted label. All characters but letters, digits and harmless punctuation become entities, so
 * the text cannot close the quote or contain a tag, markdown, a directive or a comment. Mermaid interprets some pairs
 * even after it has decoded the entities (its own marks of an entity, a new line, a formula, an icon): an invisible
 * word joiner separates them. White space becomes one space, control characters become their Unicode pictures, and
 * bidirectional controls and lone surrogates become U+FFFD.
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
    .replace(/direction(?= )/gi, (word) => `#${word.charCodeAt(0)};${word.slice(1)}`); // interpreted even in quotes
}

/** The Unicode picture of an ASCII control character. */
const picture = (control: string): string =>
  control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd";
