// The program: read slack-bot.ts first. Without SLACK_BOT_TOKEN it takes recorded deliveries, and posts to the terminal.
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { NOW, recorded, SECRET } from "./recorded.js";
import { type Post, postTo, serveWebhook } from "./slack.js";
import { createBotFlow, createWebhook } from "./slack-bot.js";

const show: Post = async (channel, _thread, text) => console.log(`In ${channel}: ${text}`);
const onError = (error: unknown) => {
  process.exitCode = 1;
  console.error(`error: ${(error as Error).message}`);
};
const { SLACK_BOT_TOKEN: token = "", SLACK_SIGNING_SECRET: secret = "" } = process.env;
const slack = token ? { post: postTo(token), secret } : { post: show, secret: SECRET, now: () => NOW };
const DEFAULTS = { port: 3_000, journal: "slack.db" };
await program("[--port 3000] [--journal file]", DEFAULTS, async ({ flags, run }) => {
  const flow = createBotFlow(await connect("slack-bot"), slack.post);
  await using journal = await openJournal(token ? flags.journal : ":memory:");
  const bot = createWebhook({ flow, journal, onError, run, ...slack });
  await bot.goOn();
  if (token) await serveWebhook(bot.handle, flags.port, run.drain);
  else for (const each of recorded()) console.log(`Answered with ${(await bot.handle(each)).status}`);
  await bot.ended();
});
