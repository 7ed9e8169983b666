// The program: read rag.ts first.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { Library } from "./library.js";
import { type AskShared, createAskFlow, createIndexFlow, type IndexShared, reportOf } from "./rag.js";

const installed = dirname(dirname(createRequire(import.meta.url).resolve("zod/package.json")));
const ASKED = ["What is the default timeout of requests to OpenAI?", "Who won the football match yesterday?"];
const { OPENAI_API_KEY: key, OPENAI_EMBEDDING_MODEL: embedder = "text-embedding-3-small" } = process.env;
const DEFAULTS = { docs: "", index: "rag.sqlite" };
await program("[questions …] [--docs folder] [--index file]", DEFAULTS, async ({ words, flags, run }) => {
  const model = await connect("rag");
  using library = new Library(flags.index, key ? embedder : "stand-in");
  const patterns = flags.docs ? ["**/*.md", "!**/node_modules"] : ["{openai,zod,tinyglobby}/README.md"];
  const index: IndexShared = { folder: flags.docs || installed, patterns };
  await createIndexFlow(model, library).run(index, run);
  for (const reason of index.unread ?? []) console.error(`Left out: ${reason}`);
  for (const question of words.length > 0 ? words : ASKED) {
    const shared: AskShared = { question };
    await createAskFlow(model, library).run(shared, run);
    console.log(`\n${question}\n${reportOf(shared)}`);
  }
});
