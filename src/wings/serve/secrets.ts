// Keeps credentials out of messages. Imports nothing.

/** Shorter words, such as `json`, are no secrets, and may be part of any message. */
const SHORTEST = 6;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/**
 * Creates a function that takes out of a text what was sent as a header or in the query of the URL, and what would
 * control a terminal.
 */
export function redactor(url: URL, headers: Headers | undefined): (text: string) => string {
  const sent = [...url.searchParams.values(), ...(headers?.values() ?? [])];
  const words = sent.flatMap((value) => [value, ...value.split(/[\s,;=]+/)]);
  const secrets = [...new Set(words)]
    .filter((word) => word.length >= SHORTEST)
    .flatMap((word) => [word, encodeURIComponent(word)])
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let safe = text;
    for (const secret of secrets) safe = safe.replaceAll(secret, "…");
    return safe.replace(CONTROL, " ");
  };
}
