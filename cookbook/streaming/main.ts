// The program: read streaming.ts first. Enter stops an answer.
import { createInterface } from "node:readline";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createTalkFlow } from "./streaming.js";

await program("", {}, async ({ run }) => {
  const model = await connect("streaming");
  const lines = createInterface({ input: process.stdin });
  const iterator = lines[Symbol.asyncIterator]();
  let stop = new AbortController();
  if (process.stdin.isTTY) lines.on("line", () => stop.abort());
  run.drain.addEventListener("abort", () => lines.close());
  const show = (text: string) => void process.stdout.write(text);
  const question = async () => {
    show("\nYou: ");
    return (await iterator.next()).value as string | undefined;
  };
  const enough = () => (stop = new AbortController()).signal;
  await createTalkFlow(model, { question, enough, show })
    .run({ messages: [] }, run)
    .finally(() => lines.close());
});
