// A server for this computer only, protected from pages of other sites.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Failure, quoted, UsageError } from "./io.js";

export interface LocalServer {
  /** Ends in a slash. */
  readonly url: string;
  /** Closes all connections. Resolves when the port is free. */
  close(): Promise<void>;
}

/** Answers a request of this computer. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a server. @param port - 0 for any free port. @throws UsageError for a port in use, Failure */
export async function serveLocal(port: number, handle: Handle): Promise<LocalServer> {
  let hosts: string[] = [];
  const server = createServer((request, response) => {
    const { host = "", origin } = request.headers;
    // Against DNS rebinding: another site's name can resolve to this address, but its requests do not have the host
    // "127.0.0.1".
    if (!hosts.includes(host)) return refuse(response, 403, "Ask for 127.0.0.1.");
    if (origin !== undefined && !hosts.includes(origin.replace(/^http:\/\//, ""))) {
      return refuse(response, 403, "Only pages of this server may ask.");
    }
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("cache-control", "no-store");
    handle(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new UsageError("--port to be free", `${port}, which is in use`, "Leave it out for any free port.")
          : new Failure(`no server could be started (${error.message})`),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  hosts = [`127.0.0.1:${actual}`, `localhost:${actual}`];
  return {
    url: `http://127.0.0.1:${actual}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
}

/** Answers with a page. @param policy - Of its contents. */
export function sendPage(response: ServerResponse, html: string, policy: string): void {
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `${policy}; frame-ancestors 'none'`,
    "referrer-policy": "no-referrer",
  });
  response.end(html);
}

/** @throws UsageError */
export function portOf(given = "0"): number {
  const port = Number(given);
  if (/^\d+$/.test(given) && port <= 65_535) return port;
  throw new UsageError(
    "--port to be a number from 0 to 65535",
    quoted(given),
    "Leave it out for any free port.",
  );
}
