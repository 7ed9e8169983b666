// The command line: the only file that reads the environment or prints.
import { writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createTransport } from "nodemailer";
import { serveChangelogs } from "./changelogs.js";
import { createNewsletterFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Mail } from "./mail.js";
import { createShared, type Wish } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let closeFeeds = async () => {};
let service: Service | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await Promise.all([service?.close(), closeFeeds()]);
}

async function main(): Promise<void> {
  const { feeds, wish, out } = optionsOf(process.argv.slice(2));
  service = await connect(process.env);
  console.log(service.about);
  const shared = createShared(feeds ?? (await localFeeds()), wish, Date.now());
  await createNewsletterFlow({ llm: service.llm }).run(shared, { signal: stop.signal });

  const { items, dead, stories, mail } = shared;
  console.log(
    `\n${shared.feeds.length - dead.length} of ${shared.feeds.length} feeds, ${items.length} items.`,
  );
  for (const each of dead) console.log(`  dead: ${each}`);
  if (mail === undefined) {
    console.log(`\nNo news within ${wish.days} days: no mail.`);
    return;
  }
  for (const { title, source, at } of stories) {
    console.log(`  ${new Date(at).toISOString().slice(0, 10)}  ${title} (${source})`);
  }
  console.log(`\n${await deliver(mail, out)}`);
}

async function localFeeds(): Promise<readonly string[]> {
  const { urls, close } = await serveChangelogs(import.meta.dirname);
  closeFeeds = close;
  console.log(
    `No feeds named: using ${urls.length} from this machine, the changelogs in node_modules and a dead one.`,
  );
  return urls;
}

/** Writes the mail to files; with SMTP_URL and MAIL_TO it is sent as well. */
async function deliver(mail: Mail, out: string): Promise<string> {
  const { SMTP_URL: url, MAIL_TO: to = "reader@localhost" } = process.env;
  const message = { from: "Newsletter <news@localhost>", to, ...mail };
  const file = await createTransport({ streamTransport: true, buffer: true }).sendMail(message);
  const names = ["newsletter.html", "newsletter.txt", "newsletter.eml"];
  const contents = [mail.html, mail.text, file.message as Buffer];
  try {
    await Promise.all(names.map((name, at) => writeFile(join(out, name), contents[at] ?? "")));
  } catch (error) {
    throw new InputError(
      `Expected --out to be a folder, got "${out}": ${(error as Error).message}. Create it first.`,
    );
  }
  if (url) await createTransport(url).sendMail(message);
  return `Wrote ${names.join(", ")}${url ? `, and sent it to ${to}` : ""}.`;
}

function optionsOf(args: string[]): { feeds: string[] | undefined; wish: Wish; out: string } {
  const { values, positionals } = parse(args);
  const wrong = positionals.find((url) => !URL.canParse(url) || !/^https?:/.test(url));
  if (wrong !== undefined) {
    throw new InputError(`Expected addresses of feeds, got "${wrong}". Write https://… in full.`);
  }
  const count = (name: "days" | "most") => {
    const value = Number(values[name]);
    if (/^\d+$/.test(values[name]) && value >= 1) return value;
    throw new InputError(
      `Expected --${name} to be an integer from 1 up, got "${values[name]}". Write --${name} 7.`,
    );
  };
  const about = values.about.split(",").map((word) => word.trim());
  const wish = { about: about.filter(Boolean), days: count("days"), most: count("most") };
  return { feeds: positionals.length > 0 ? positionals : undefined, wish, out: values.out };
}

function parse(args: string[]) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const options = { about: text(""), days: text("365"), most: text("5"), out: text(".") };
  try {
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    throw new InputError(
      `Expected addresses of feeds, --about, --days, --most and --out, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
