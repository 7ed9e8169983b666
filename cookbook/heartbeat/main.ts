// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { type Demo, startDemo } from "./demo.js";
import { createBeatFlow } from "./flow.js";
import { keepBeating, nextBeat } from "./heart.js";
import { InputError } from "./input-error.js";
import { createShared, type State } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let demo: Demo | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await demo?.close();
}

async function main(): Promise<void> {
  const { urls, every, once } = optionsOf(process.argv.slice(2));
  const next = nextBeat(every);
  if (urls.length === 0) {
    demo = await startDemo();
    console.log("No addresses named: watching a server on this machine, part of which is down at times.");
  }
  const shared = createShared(urls.length > 0 ? urls : (demo?.urls ?? []));
  const flow = createBeatFlow({ announce });
  const beat = () => flow.run(shared, { signal: stop.signal });
  if (once) {
    await beat();
    process.exitCode = shared.states.every(({ up }) => up) ? 0 : 1;
    return;
  }
  console.log(`A beat now, the next at ${clock(next ?? new Date())} ("${every}"); press Ctrl-C to stop.\n`);
  await keepBeating(every, beat, {
    signal: stop.signal,
    onFailed: (error) =>
      console.error(`${clock()}  this beat failed: ${error instanceof Error ? error.message : error}`),
    onSkipped: () => console.error(`${clock()}  the last beat still runs: this one is left out`),
  });
}

function clock(at = new Date()): string {
  return at.toLocaleTimeString("en-GB");
}

function announce(changes: readonly State[]): void {
  for (const { url, up, detail } of changes)
    console.log(`${clock()}  ${up ? "up  " : "down"}  ${url} (${detail})`);
}

function optionsOf(args: string[]): { urls: string[]; every: string; once: boolean } {
  const { values, positionals: urls } = parse(args);
  const wrong = urls.find((url) => !URL.canParse(url) || !/^https?:/.test(url));
  if (wrong !== undefined) {
    throw new InputError(`Expected addresses to watch, got "${wrong}". Write https://… in full.`);
  }
  return { urls: [...new Set(urls)], every: values.every, once: values.once };
}

function parse(args: string[]) {
  const every = { type: "string", default: "*/5 * * * * *" } as const;
  const once = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ args, allowPositionals: true, options: { every, once } });
  } catch (error) {
    throw new InputError(
      `Expected addresses, --every and --once, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
