// The server under attack: a flow that takes as long as a small model, with few places, and a fair turn for tenants.
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { Flow, node } from "sluice";
import { createHandler } from "sluice/serve";

const talk = node({
  exec: async (_: undefined, { emit, signal }) => {
    for (let token = 0; token < 5; token++) {
      await sleep(20, undefined, { signal });
      await emit("token");
    }
  },
});
const handler = createHandler(new Flow(talk), {
  limits: { running: 200, key: (request) => request.headers.get("x-tenant") ?? "" },
});
console.error = () => {}; // the adapter prints each stream that is cut
const server = serve({ hostname: "127.0.0.1", port: 0, fetch: handler }, ({ port }) =>
  process.send?.({ port }),
);

process.on("message", (message) => {
  if (message === "stop") {
    server.close();
    void handler.close({ deadline: 0 }).then(() => process.disconnect());
  } else process.send?.(handler.stats());
});
