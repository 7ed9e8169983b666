// A service whose answers are huge or have no end, in a process of its own, so that its work is not its client's.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const piece = Buffer.alloc(65_536, "x");

/** Sends a line until the client hangs up. */
async function sendEndless(response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  while (!response.destroyed) {
    if (!response.write(piece)) await once(response, "drain", { signal: gone.signal }).catch(() => {});
  }
}

const server = createServer((request, response) => {
  request.resume();
  const isStream = request.url?.startsWith("/stream") ?? false;
  response.setHeader("content-type", isStream ? "text/event-stream" : "application/json");
  if (isStream) response.write("event: result\ndata: ");
  if (request.url?.endsWith("/endless")) {
    response.write('{"text":"');
    void sendEndless(response);
  } else {
    response.write(JSON.stringify({ text: "y".repeat(8_000_000) }));
    response.end(isStream ? "\n\n" : "");
  }
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on("message", () => {
  server.close();
  server.closeAllConnections();
  process.disconnect();
});
