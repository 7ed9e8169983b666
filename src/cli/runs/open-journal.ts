// Finds, opens and closes the journal of a command.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { SluiceError } from "sluice";
import { JOURNAL } from "sluice/internal";
import type { Journal, RunDetails, RunInfo } from "sluice/journal";
import { show } from "../../base/errors.js";
import { nearest } from "../../base/nearest.js";
import { called } from "../called.js";
import { Failure, pathFromHere, quoted, UsageError } from "../io.js";
import { type Config, loadConfig, noConfig } from "../load-config.js";
import { withoutPasswords } from "../terminal-text.js";

/** The options for the journal of a command. */
export interface JournalOptions {
  readonly journal?: string;
  readonly config?: string;
}

export const withJournalOptions = (command: Command): Command =>
  command
    .option("--journal <path or url>", "the journal (default: SLUICE_JOURNAL, else that of the config)")
    .option("--config <file>", "the config (default: sluice.config.ts in this folder)");

/** An open journal. */
export interface OpenJournal {
  readonly journal: Journal;
  /** Its name for messages. */
  readonly name: string;
}

/** Opens the journal, uses it, and closes it. @throws UsageError, Failure, the error of `use`. */
export async function withJournal(
  options: JournalOptions,
  use: (opened: OpenJournal) => Promise<void>,
): Promise<void> {
  const where = options.journal ?? (process.env.SLUICE_JOURNAL || undefined);
  if (where !== undefined) return useJournal(where, process.cwd(), use);
  const config = await loadConfig(options.config);
  if (config?.journal !== undefined) return useConfigured(config, use);
  const advice = "Give --journal <path or url>, set SLUICE_JOURNAL, or name it in sluice.config.ts.";
  throw new UsageError("a journal", config === undefined ? "none" : `none in ${config.path}`, advice);
}

/** The same with the config, for its flows. */
export async function withJournalAndFlows(
  options: JournalOptions,
  use: (opened: OpenJournal, config: Config) => Promise<void>,
): Promise<void> {
  const config = await loadConfig(options.config);
  if (config === undefined) throw noConfig();
  const where = options.journal ?? (process.env.SLUICE_JOURNAL || undefined);
  const used = (opened: OpenJournal) => use(opened, config);
  if (where !== undefined) return useJournal(where, process.cwd(), used);
  if (config.journal !== undefined) return useConfigured(config, used);
  const advice = "Give --journal <path or url>, set SLUICE_JOURNAL, or name it there.";
  throw new UsageError("a journal", `none in ${config.path}`, advice);
}

/** The same with both optional. The journal of a config is created if a first run may begin here. */
export async function withJournalIfAny(
  options: JournalOptions,
  use: (opened: OpenJournal | undefined, config: Config | undefined) => Promise<void>,
): Promise<void> {
  const config = await loadConfig(options.config);
  const where = options.journal ?? (process.env.SLUICE_JOURNAL || undefined);
  const used = (opened: OpenJournal) => use(opened, config);
  if (where !== undefined) return useJournal(where, process.cwd(), used);
  if (config?.journal !== undefined) return useConfigured(config, used, config.flows.size > 0);
  await use(undefined, config);
}

async function useConfigured(
  config: Config,
  use: (opened: OpenJournal) => Promise<void>,
  mayMake = false,
): Promise<void> {
  const where = `journal of ${config.path}`;
  const { journal: given } = config;
  const journal = typeof given === "function" ? await called(given as () => unknown, where) : given;
  if (isJournal(journal)) return useOpen({ journal, name: `the ${where}` }, use);
  if (typeof journal === "string" && journal !== "") return useJournal(journal, config.folder, use, mayMake);
  const what = "a path, a URL, a journal, or a function that gives one of these";
  throw new UsageError(`${where} to be ${what}`, show(journal), 'Write journal: "runs.db".');
}

const isJournal = (value: unknown): value is Journal =>
  typeof value === "object" && value !== null && JOURNAL in value;

async function useJournal(
  where: string,
  folder: string,
  use: (opened: OpenJournal) => Promise<void>,
  mayMake = false,
): Promise<void> {
  const name = withoutPasswords(where);
  const opening = async () => {
    const { openJournal } = await import("sluice/journal");
    return openJournal(/^postgres(ql)?:\/\//i.test(where) ? where : fileOf(where, folder, mayMake));
  };
  await useOpen({ journal: await toldPlainly(name, opening), name }, use);
}

/** The path of the file. @throws UsageError if the file is missing and must not be created. */
function fileOf(where: string, folder: string, mayMake: boolean): string {
  const kinds = "a journal (the path of a file, or a URL of PostgreSQL)";
  if (where === ":memory:" || /^[a-z][a-z\d+.-]+:\/\//i.test(where)) {
    throw new UsageError(kinds, quoted(withoutPasswords(where)), "Name the file, or postgres://…");
  }
  const file = resolve(folder, where);
  if (!existsSync(file)) {
    if (mayMake) return pathFromHere(file);
    throw new UsageError("a journal", quoted(where), "There is no such file; the first run makes it.");
  }
  if (statSync(file).isDirectory())
    throw new UsageError("a journal", `the folder ${quoted(where)}`, "Name a file in it.");
  return pathFromHere(file);
}

async function useOpen(opened: OpenJournal, use: (opened: OpenJournal) => Promise<void>): Promise<void> {
  try {
    await toldPlainly(opened.name, () => use(opened));
  } finally {
    await opened.journal.close().catch(() => {});
  }
}

/** Turns errors of a journal or its database into failures without a stack, which would not help a user. */
async function toldPlainly<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (error instanceof SluiceError) throw new Failure(`${withoutPasswords(error.message)} (${error.code})`);
    if (typeof code !== "string" || code.startsWith("commander") || error instanceof Failure) throw error;
    throw new Failure(`${name} could not be used: ${withoutPasswords(String(message))} (${code})`);
  }
}

/** A run without passwords in its error. */
export const withoutSecrets = <R extends RunInfo>(run: R): R =>
  run.error === undefined ? run : { ...run, error: withoutPasswords(run.error) };

/** A run of a journal. @throws UsageError for an unknown id. */
export async function runNamed({ journal, name }: OpenJournal, id: string): Promise<RunDetails> {
  const run = await journal.run(id);
  if (run !== undefined) return run;
  const close = nearest(
    id,
    (await journal.runs({ limit: 1_000 })).map((each) => each.id),
  );
  const advice = `${close === undefined ? "" : `Did you mean ${close}? `}sluice runs ls lists them.`;
  throw new UsageError(`the id of a run in ${name}`, quoted(id), advice);
}
