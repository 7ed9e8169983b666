// The program: read chat-web.ts first.
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createApp, createChatFlow } from "./chat-web.js";

await program("[--port 8787]", { port: 8_787 }, async ({ flags: { port }, run }) => {
  const flow = createChatFlow(await connect("chat-web"));
  const { fetch, chat } = await createApp(flow, (error) => console.error((error as Error).message));
  const server = serve({ fetch, hostname: "127.0.0.1", port });
  await once(server, "listening"); // rejects if the port is taken
  console.log(`Open http://127.0.0.1:${port}/`);
  if (!run.drain.aborted) await once(run.drain, "abort");
  await Promise.race([chat.close(), once(run.signal, "abort")]); // running answers finish first
  await chat.close({ deadline: 0 });
  server.close();
});
