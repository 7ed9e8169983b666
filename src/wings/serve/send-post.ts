// One POST of a remote node, with its redirects.
import { RemoteError } from "./remote-error.js";

/** The maximum of redirects per call. */
const MOST_REDIRECTS = 5;
/** The statuses that keep the method; 303 requires a GET, which is not a call of a handler. */
const KEEPS_POST = new Set([301, 302, 307, 308]);

/**
 * Sends a POST, and follows redirects within the same origin by POST: headers and input are only for that origin.
 *
 * @param at - The name of the call in messages.
 * @throws RemoteError for any other redirect; the error of `send`.
 */
export async function sendPost(
  send: typeof fetch,
  url: URL,
  init: RequestInit,
  at: string,
): Promise<Response> {
  let target = url;
  for (let hops = 0; ; hops++) {
    const response = await send(target, { ...init, method: "POST", redirect: "manual" });
    const isRedirect = response.status >= 300 && response.status < 400 && response.status !== 304;
    if (!isRedirect && response.type !== "opaqueredirect") return response;
    const { status, headers } = response;
    response.body?.cancel().catch(() => {});
    const refused = (why: string) =>
      new RemoteError("REMOTE_FAILED", `${at} answered with a redirect ${why}`, { status, headers });
    const location = headers.get("location") ?? "";
    if (response.type === "opaqueredirect" || !URL.canParse(location, target.href)) {
      throw refused("whose target cannot be seen; give the final URL");
    }
    const next = new URL(location, target);
    if (next.origin !== url.origin) {
      const where = next.origin === "null" ? next.protocol : next.origin;
      throw refused(`to another origin (${where}), which gets neither input nor headers; give the final URL`);
    }
    if (!KEEPS_POST.has(status)) throw refused(`of status ${status}, which asks for a GET`);
    if (hops === MOST_REDIRECTS) throw refused(`more than ${MOST_REDIRECTS} times`);
    target = next;
  }
}
