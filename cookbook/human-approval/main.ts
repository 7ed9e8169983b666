// The program: read human-approval.ts first.
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createApprovalFlow, goOn, unfinished, waitingIn } from "./human-approval.js";
import { createPage, servePage } from "./page.js";

const TOPICS = ["opening hours in winter", "the new bakery corner", "our ten-year jubilee"];
const USAGE = "[topics …] [--out folder] [--journal file] [--page] [--port 8788]";

const DEFAULTS = { out: "published", journal: "approvals.db", page: false, port: 8_788 };
await program(USAGE, DEFAULTS, async ({ words, flags, run }) => {
  await using journal = await openJournal(flags.journal);
  const flow = createApprovalFlow(await connect("human-approval"), flags.out);
  const earlier = await unfinished(journal);
  if (flags.page) {
    console.log(`Decide at http://127.0.0.1:${flags.port}/`);
    return await servePage(await createPage(flow, journal, run.drain), flags.port, run.drain);
  }
  const topics = words.length > 0 || earlier.length > 0 ? words : TOPICS;
  const failures = await goOn(flow, journal, topics, earlier, run);
  for (const waiting of await waitingIn(journal, flags.journal)) console.log(waiting);
  if (failures.length > 0) throw failures[0];
});
