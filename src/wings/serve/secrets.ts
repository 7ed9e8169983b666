// Removes credentials from messages. Imports nothing.

/** The minimum length of a secret: shorter words, such as `json`, may be part of any message. */
const SHORTEST = 6;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/** Creates a function that removes values of headers and of the URL's query, and control characters, from a text. */
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
