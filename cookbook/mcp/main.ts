// The program: read mcp.ts first.
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createMcpFlow, createShared } from "./mcp.js";
import { connectTools } from "./tools.js";

const ASKED = ["How many feet are 26.2 miles?", "How many days is 2024-02-01 before 2024-03-01?"];

await program('[questions] [--server "command"]', { server: "" }, async ({ words, flags, run }) => {
  const tools = await connectTools(flags.server, run.signal).catch((error: Error) => {
    throw new UsageError(`Expected --server to start a server, got "${flags.server}": ${error.message}.`);
  });
  try {
    const flow = createMcpFlow(await connect("mcp"), tools);
    for (const question of words.length > 0 ? words : ASKED) {
      const shared = createShared(question);
      console.log(`\n${question}`);
      await flow.run(shared, { ...run, maxSteps: 20 });
      console.log(`  ${shared.answer}`);
    }
  } finally {
    await tools.close();
  }
});
