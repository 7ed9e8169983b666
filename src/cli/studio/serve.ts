// The studio on HTTP: the page, its data as JSON, its actions, and the live page of each trace, all behind a token in
// the URL.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Handler } from "sluice/serve";
import { LivePage } from "../live-server.js";
import { type LocalServer, refuse, sendPage, serveLocal } from "../local-server.js";
import { contentSecurityPolicy, type PageParts, studioHtml } from "../page-html.js";
import { jsonOf, withoutPasswords } from "../terminal-text.js";
import { actionsOf } from "./actions.js";
import type { Studio } from "./studio.js";
import type { TraceFolder } from "./trace-folder.js";

export interface StudioPages {
  readonly studio: PageParts;
  readonly run: PageParts;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Serves the studio. @throws UsageError for a port in use, Failure */
export async function serveStudio(
  studio: Studio,
  traces: TraceFolder,
  pages: StudioPages,
  port: number,
): Promise<LocalServer> {
  const token = randomBytes(16).toString("hex");
  const secret = digest(token);
  const html = studioHtml(pages.studio);
  const policy = contentSecurityPolicy(pages.studio, true);
  const live = new LivePage(pages.run);
  const actions = actionsOf(studio);

  const get = (path: string, request: IncomingMessage, response: ServerResponse) => {
    if (path === "") return sendPage(response, html, policy);
    if (path === "state") return sendState(studio, response);
    const [, name = "", rest] = /^traces\/([^/]+)\/(events)?$/.exec(path) ?? [];
    const file = decoded(name);
    if (!traces.has(file)) return refuse(response, 404, "There is no such page or trace.");
    if (rest === undefined) live.send(response);
    else live.push(join(traces.path, file), request, response);
  };
  const post = (path: string, request: IncomingMessage, response: ServerResponse) => {
    const action = actions.get(path);
    if (action === undefined) return refuse(response, 404, "There is no such action.");
    void answer(action, request, response);
  };
  const server = await serveLocal(port, (request, response) => {
    const [, given = "", path] = /^\/([^/?]*)(?:\/([^?]*))?/.exec(request.url ?? "") ?? [];
    // Digests have the same length, so the comparison takes constant time.
    if (!timingSafeEqual(digest(given), secret)) {
      return refuse(
        response,
        403,
        "The token in this URL is wrong: open the URL that sluice studio has printed.",
      );
    }
    if (path === undefined) response.writeHead(308, { location: `/${token}/` }).end();
    else if (request.method === "GET") get(path, request, response);
    else if (request.method === "POST") post(path, request, response);
    else refuse(response, 405, "Only GET and POST are answered here.");
  });
  return {
    url: `${server.url}${token}/`,
    close: async () => {
      live.close();
      await server.close();
    },
  };
}

async function sendState(studio: Studio, response: ServerResponse): Promise<void> {
  let text: string;
  try {
    text = jsonOf(await studio.state());
  } catch (error) {
    return refuse(response, 500, withoutPasswords((error as Error).message));
  }
  response.writeHead(200, { "content-type": "application/json" }).end(text);
}

/** Calls a handler, without aborting the action if the caller disconnects. */
async function answer(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "POST", url = "/", headers } = request;
  const given = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as [string, string]] : [],
  );
  const asked = new Request(new URL(url, `http://${headers.host}`), {
    method,
    headers: given,
    body: Readable.toWeb(request) as ReadableStream,
    duplex: "half",
  } as RequestInit);
  const { status, headers: own, body } = await handler(asked);
  response.writeHead(status, { ...Object.fromEntries(own), ...(status >= 400 && { connection: "close" }) });
  response.end(body === null ? undefined : Buffer.from(await new Response(body).arrayBuffer()));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
