// The program: read chat.ts first.
import { createInterface } from "node:readline";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createChatFlow } from "./chat.js";

await program("", {}, async ({ run }) => {
  const model = await connect("chat");
  const lines = createInterface({ input: process.stdin });
  const iterator = lines[Symbol.asyncIterator]();
  run.drain.addEventListener("abort", () => lines.close());
  const read = async () => {
    process.stdout.write("You: ");
    return (await iterator.next()).value as string | undefined;
  };
  try {
    await createChatFlow(model, { read, write: (text) => console.log(`Bot: ${text}`) }).run(
      { messages: [] },
      run,
    );
  } finally {
    lines.close(); // an open stdin would hold the process
  }
});
