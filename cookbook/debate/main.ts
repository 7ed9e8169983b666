// The program: read debate.ts first.
import { readFileSync } from "node:fs";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { parseCase, SAMPLE } from "./case.js";
import { createDebateFlow, type Shared } from "./debate.js";

await program(
  "[case.txt] [--rounds 3] [--margin 4]",
  { rounds: 3, margin: 4 },
  async ({ words: [file], flags, run }) => {
    const topic = parseCase(file === undefined ? SAMPLE : readFileSync(file, "utf8"), flags.rounds);
    const shared: Shared = { case: topic, speeches: { for: [], against: [] }, scores: [], ...flags };
    const model = await connect("debate");
    console.log(`${topic.motion}\n`);
    const ending = await createDebateFlow({ for: model, against: model, judge: model }).run(shared, run);
    console.log(`${ending}: ${shared.winner}`);
  },
);
