// The program: read tool-calls.ts first. The tools are invented and wait as real ones do.
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createToolFlow, type Shared, tool } from "./tool-calls.js";

const degrees = tool({
  description: "The temperature of a city now, in degrees Celsius.",
  input: z.object({ city: z.string() }),
  run: async ({ city }, signal) => ({ degrees: await sleep(300, 5 + (city.length % 20), { signal }) }),
});

await program("[question]", {}, async ({ words, run }) => {
  const content = words.join(" ") || "Which is warmest now: Oslo, Lisbon or Reykjavik?";
  const shared: Shared = { messages: [{ role: "user", content }], calls: [] };
  await createToolFlow(await connect("tool-calls"), { degrees }).run(shared, { ...run, maxSteps: 20 });
  console.log(shared.answer);
});
