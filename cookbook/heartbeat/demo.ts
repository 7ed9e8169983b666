// Something to watch for those who name nothing: a server on this machine, part of which is down at times.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that runs until it is closed. */
export interface Demo {
  readonly urls: readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts it on a free port: `/steady` is always up, `/flaky` twice up, then twice down, and so on. */
export async function startDemo(): Promise<Demo> {
  let asked = 0;
  const server = createServer((request, response) => {
    const down = request.url === "/flaky" && asked++ % 4 >= 2;
    response.writeHead(down ? 503 : 200).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { urls: [`${base}/steady`, `${base}/flaky`], close };
}
