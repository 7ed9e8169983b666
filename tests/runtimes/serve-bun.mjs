import { handle } from "./handler.mjs";

console.log(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handle }).port);
