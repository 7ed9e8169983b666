// The browser of the tests of pages: Debian's Chromium. Without it they are skipped and this says so; in CI they fail.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
];

/** Whether tests that need a browser run: where there is one, and always in CI. */
export const hasBrowser = existsSync(executablePath) || Boolean(process.env.CI);
if (!hasBrowser) process.stdout.write(`skipped: tests of pages, since there is no ${executablePath}\n`);

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath, args });
