// Translates commander's usage errors into messages of this program.
import type { Command, CommanderError } from "commander";
import { nearest } from "../base/nearest.js";
import { quoted, UsageError } from "./io.js";

/** The command in a command line, and its arguments. */
export function commandIn(program: Command, args: readonly string[]) {
  let command = program;
  for (const [at, arg] of args.entries()) {
    const next = command.commands.find((each) => each.name() === arg);
    if (next === undefined) return { command, rest: args.slice(at) };
    command = next;
  }
  return { command, rest: [] };
}

/** Turns an error of the parser into one that says what was expected, what it got and what to do. */
export function usageOf(error: CommanderError, program: Command, args: readonly string[]): UsageError {
  const { command, rest } = commandIn(program, args);
  const name = fullName(command);
  const help = `See ${name} --help.`;
  const given = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownCommand": {
      const visible = command.createHelp().visibleCommands(command);
      const names = visible.map((each) => each.name());
      const got = quoted(rest.find((arg) => !arg.startsWith("-")) ?? given);
      const whose = command === program ? "" : ` of ${name}`;
      return new UsageError(
        `a command${whose} (${names.join(", ")})`,
        got,
        meant(JSON.parse(got), names, help),
      );
    }
    case "commander.unknownOption": {
      const known = command.options.flatMap(({ long }) => long ?? []);
      return new UsageError(`an option of ${name}`, quoted(given), meant(given, [...known, "--help"], help));
    }
    case "commander.missingArgument":
      return new UsageError(`<${given}>`, "nothing", help);
    case "commander.optionMissingArgument":
      return new UsageError(`a value for ${given}`, "nothing", help);
    case "commander.missingMandatoryOptionValue":
      return new UsageError(given, "nothing", help);
    case "commander.invalidArgument": {
      const choices = /Allowed choices are (.*)\.$/.exec(error.message)?.[1] ?? "another value";
      return new UsageError(`one of ${choices}`, quoted(given), help);
    }
    case "commander.excessArguments":
      return new UsageError("no further argument", quoted(String(args.at(-1))), help);
    default:
      return new UsageError("another command line", error.message.replace(/^error: /, ""), help);
  }
}

const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

function meant(given: string, known: readonly string[], help: string): string {
  const close = nearest(given, known);
  return close === undefined ? help : `Did you mean ${close}? ${help}`;
}
