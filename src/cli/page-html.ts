// A self-contained page with its style, its script and the trace.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** The script and style of a page, which the build puts beside the program. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/** Reads the parts. @param name - The page of a run, or of the studio. */
export async function readPageParts(name: "page" | "studio" = "page"): Promise<PageParts> {
  const read = (file: string) => readFile(new URL(`../view/${file}`, import.meta.url), "utf8");
  const [script, style] = await Promise.all([read(`${name}.js`), read(`${name}.css`)]);
  return { script, style };
}

/**
 * Builds the page. The trace is embedded as base64 of gzip, so that no text in it can end its element, and it is a
 * tenth as long. A page without lines is live, and loads them from its server.
 *
 * @param interrupted - Whether the process that wrote the trace has died, so that runs without an end were interrupted.
 */
export function pageHtml(
  parts: PageParts,
  lines: readonly string[] | undefined,
  interrupted = false,
): string {
  const trace = lines === undefined ? "" : gzipSync(lines.join("\n")).toString("base64");
  return htmlOf(parts, {
    title: "sluice run",
    isLive: lines === undefined,
    attributes: interrupted ? " data-interrupted" : "",
    body: `<script type="application/gzip" id="trace">${trace}</script>\n`,
  });
}

/** The page of the studio, which loads its data from its server. */
export const studioHtml = (parts: PageParts): string =>
  htmlOf(parts, { title: "sluice studio", isLive: true, attributes: "", body: "" });

interface Html {
  readonly title: string;
  readonly isLive: boolean;
  readonly attributes: string;
  readonly body: string;
}

function htmlOf(parts: PageParts, { title, isLive, attributes, body }: Html): string {
  const script = parts.script.replaceAll("</script", "<\\/script");
  const { style } = parts;
  const policy = contentSecurityPolicy({ script, style }, isLive);
  return `<!doctype html>
<html lang="en"${isLive ? " data-live" : ""}${attributes}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<noscript>This page draws a run with JavaScript, which is switched off here.</noscript>
${body}<script>${script}</script>
</body>
</html>
`;
}

/** Permits only this style and script; a live page may also connect to its own server. */
export function contentSecurityPolicy({ script, style }: PageParts, live: boolean): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}
