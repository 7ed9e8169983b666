// The program: read chat-memory.ts first.
import { createInterface } from "node:readline";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createMemoryChatFlow, type Shared } from "./chat-memory.js";
import { Memory } from "./memory.js";

const { OPENAI_API_KEY: key, OPENAI_EMBEDDING_MODEL: embedder = "text-embedding-3-small" } = process.env;
const DEFAULTS = { memory: "memory.sqlite", window: 3, recall: 2 };
await program("[--memory file] [--window 3] [--recall 2]", DEFAULTS, async ({ flags, run }) => {
  const model = await connect("chat-memory");
  using memory = new Memory(flags.memory, key ? embedder : "stand-in");
  const lines = createInterface({ input: process.stdin });
  const iterator = lines[Symbol.asyncIterator]();
  run.drain.addEventListener("abort", () => lines.close());
  const read = async () => {
    process.stdout.write("You: ");
    return (await iterator.next()).value as string | undefined;
  };
  const terminal = { read, write: (text: string) => console.log(`Bot: ${text}`) };
  const shared: Shared = { question: "", recalled: [], answer: "" };
  const flow = createMemoryChatFlow(model, memory, terminal, flags);
  await flow.run(shared, run).finally(() => lines.close()); // an open stdin would hold the process
});
