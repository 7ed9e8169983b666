// The program: read react-chat.ts first.
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createApp } from "./app.js";
import { createChat, createChatFlow } from "./react-chat.js";

await program("[--port 8788]", { port: 8_788 }, async ({ flags: { port }, run }) => {
  const flow = createChatFlow(await connect("react-chat"));
  const chat = createChat(flow, (error) => console.error((error as Error).message));
  const { fetch } = await createApp(chat);
  const server = serve({ fetch, hostname: "127.0.0.1", port });
  await once(server, "listening"); // rejects if the port is taken
  console.log(`Open http://127.0.0.1:${port}/`);
  if (!run.drain.aborted) await once(run.drain, "abort");
  await Promise.race([chat.close(), once(run.signal, "abort")]); // running answers finish first
  await chat.close({ deadline: 0 });
  server.close();
});
