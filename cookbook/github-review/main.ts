// The program: read github-review.ts first. Without GITHUB_TOKEN it takes recorded deliveries, and shows the review.
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { githubOf, serveWebhook } from "./github.js";
import { createReviewFlow, createWebhook } from "./github-review.js";
import { recorded, recordedGitHub, SECRET } from "./recorded.js";

const onError = (error: unknown) => {
  process.exitCode = 1;
  console.error(`error: ${(error as Error).message}`);
};
const { GITHUB_TOKEN: token = "", GITHUB_WEBHOOK_SECRET: secret = "" } = process.env;
const DEFAULTS = { port: 3_000, journal: "reviews.db" };
await program("[--port 3000] [--journal file]", DEFAULTS, async ({ flags, run }) => {
  const github = token ? githubOf(token) : recordedGitHub(console.log);
  const flow = createReviewFlow(await connect("github-review"), github);
  await using journal = await openJournal(token ? flags.journal : ":memory:");
  const reviewer = createWebhook({ flow, journal, secret: token ? secret : SECRET, onError, run });
  await reviewer.goOn();
  if (token) await serveWebhook(reviewer.handle, flags.port, run.drain);
  else for (const each of recorded()) console.log(`Answered with ${(await reviewer.handle(each)).status}`);
  await reviewer.ended();
});
