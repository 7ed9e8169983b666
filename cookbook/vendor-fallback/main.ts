// The program: read vendor-fallback.ts first. FALLBACK_API_KEY, FALLBACK_BASE_URL and FALLBACK_MODEL name the second vendor.
import { isFailure } from "sluice";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createFallbackFlow, type Shared, tally } from "./vendor-fallback.js";

const ASKED = ["What is 2 plus 2?", "What is 3 times 3?", "What is 9 minus 4?", "What is 8 times 8?"];

await program("[questions …]", {}, async ({ words, run }) => {
  const { FALLBACK_API_KEY: key, FALLBACK_BASE_URL: url, FALLBACK_MODEL: name, ...env } = process.env;
  const first = { name: "first", model: await connect("vendor-fallback", env) };
  const other = key ? { OPENAI_API_KEY: key, OPENAI_BASE_URL: url } : env; // or a cheaper model of the first
  // Without a key each has its own stand-in, and that of this recipe fails at times.
  const model = await connect("hello-flow", { ...other, OPENAI_MODEL: name || "gpt-4.1-nano" });
  const shared: Shared = { questions: words.length > 0 ? words : ASKED };
  await createFallbackFlow(first, { name: "second", model }).run(shared, run);
  for (const answer of shared.answers ?? []) {
    console.log(isFailure(answer) ? `no answer: ${answer.error}` : `${answer.text} (${answer.by})`);
  }
  if (shared.answers?.some(isFailure)) process.exitCode = 1;
  console.log(tally(shared));
});
