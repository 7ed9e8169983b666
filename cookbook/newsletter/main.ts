// The program: read newsletter.ts first. With SMTP_URL and MAIL_TO the mail is sent as well.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { deliver } from "./mail.js";
import { createNewsletterFlow, type Shared } from "./newsletter.js";
import { changelogFeeds } from "./samples.js";

const installed = dirname(dirname(createRequire(import.meta.url).resolve("zod/package.json")));
const DEFAULTS = { about: "", days: 365, most: 5, out: "." };
const USAGE = "[feeds] [--about words] [--days 365] [--most 5] [--out folder]";

await program(USAGE, DEFAULTS, async ({ words, flags: { out, about, ...limits }, run }) => {
  const feeds = words.length > 0 ? words : await changelogFeeds(installed);
  const wish = { about: about.split(",").filter(Boolean), ...limits };
  const shared: Shared = { feeds, wish, now: Date.now() };
  await createNewsletterFlow(await connect("newsletter")).run(shared, run);
  const { dead = [], stories = [], mail } = shared;
  for (const each of dead) console.log(`no answer from ${each}`);
  for (const { title, error } of stories) console.log(error ? `excerpt of ${title}: ${error}` : title);
  if (stories.some(({ error }) => error)) process.exitCode = 1;
  if (mail) await deliver(mail, out, process.env.SMTP_URL, process.env.MAIL_TO);
  console.log(mail ? "Wrote newsletter.html and newsletter.text." : "Nothing new: no mail.");
});
