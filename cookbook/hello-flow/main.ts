// The program: read hello-flow.ts first.
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createHelloFlow, type Shared } from "./hello-flow.js";

await program("[question]", {}, async ({ words, run }) => {
  const shared: Shared = { question: words.join(" ") || "What is 17 times 23?" };
  const model = await connect("hello-flow");
  await createHelloFlow(model).run(shared, run);
  console.log(`Question: ${shared.question}\nAnswer:   ${shared.answer}`);
});
