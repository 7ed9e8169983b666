// One POST of a remote node, with the redirects that it may follow.
import { RemoteError } from "./remote-error.js";

/** How many redirects one call follows. */
const MOST_REDIRECTS = 5;
/** 303 asks for a GET, which is no call of a handler. */
const KEEPS_POST = new Set([301, 302, 307, 308]);

/**
 * Sends a POST, and follows redirects within the same origin by POST: headers and input are for that origin alone.
 *
 * @param at - Names the call in messages.
 * @throws RemoteError for any other redirect; what `send` rejects with.
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
