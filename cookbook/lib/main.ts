// How the program of a recipe starts, stops and fails. Imports no recipe.
import { parseArgs } from "node:util";
import { emitter, type RunEmitter } from "sluice";

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** Flags with their defaults. A flag whose default is a number takes a positive integer. */
type Flags = Readonly<Record<string, string | number | boolean>>;

export interface Start<F extends Flags> {
  readonly words: string[];
  readonly flags: F;
  /** For `flow.run`: the first Ctrl-C drains, the second aborts; strings that nodes emit are printed. */
  readonly run: { readonly drain: AbortSignal; readonly signal: AbortSignal; readonly events: RunEmitter };
}

/** Runs a program. Its exit code: 0, 1 after a failure, 2 after wrong usage, 130 after Ctrl-C. */
export async function program<F extends Flags>(
  usage: string,
  flags: F,
  start: (start: Start<F>) => Promise<void>,
): Promise<void> {
  const drain = new AbortController();
  const stop = new AbortController();
  const onSignal = (name: "SIGINT" | "SIGTERM") => {
    process.exitCode = name === "SIGINT" ? 130 : 143;
    const reason = new Error(`Stopped by ${name}`);
    if (drain.signal.aborted) return stop.abort(reason);
    console.error("Finishing what is in flight. Once more to stop now.");
    drain.abort(reason);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const events = emitter();
  events.on("data", ({ data }) => typeof data === "string" && console.log(data));
  try {
    await start({ ...read(usage, flags), run: { drain: drain.signal, signal: stop.signal, events } });
  } catch (error) {
    if (error === drain.signal.reason || error === stop.signal.reason) return;
    process.exitCode = error instanceof UsageError ? 2 : 1;
    console.error(process.env.DEBUG ? error : `error: ${error instanceof Error ? error.message : error}`);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function read<F extends Flags>(usage: string, flags: F): Pick<Start<F>, "words" | "flags"> {
  const typeOf = (value: Flags[string]) => (value === false ? "boolean" : "string");
  const types = Object.entries(flags).map(([name, value]) => [name, { type: typeOf(value) } as const]);
  const options = Object.fromEntries(types);
  const values: Record<string, unknown> = { ...flags };
  try {
    const given = parseArgs({ allowPositionals: true, options });
    for (const [name, value] of Object.entries(given.values)) {
      const isCount = typeof flags[name] === "number";
      const isWrong = isCount && !/^[1-9]\d*$/.test(`${value}`);
      if (isWrong) throw new Error(`Expected --${name} to be a positive integer, got "${value}"`);
      values[name] = isCount ? Number(value) : value;
    }
    return { words: given.positionals, flags: values as F };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/[.]?$/, ".")} Usage: npm start -- ${usage}`);
  }
}
