// Reads `Accept`. Imports nothing.

/** Whether a caller accepts `text/event-stream` and does not prefer JSON. */
export function wantsEvents(accept: string | null): boolean {
  let events = 0;
  let json = 0;
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    if (type === "text/event-stream") events = Math.max(events, quality);
    if (type === "application/json") json = Math.max(json, quality);
  }
  return events > 0 && events >= json;
}
