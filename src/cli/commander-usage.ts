// Says what commander found wrong in the words of this program.
import type { Command, CommanderError } from "commander";
import { nearest } from "../base/nearest.js";
import { quoted, UsageError } from "./io.js";

/** Turns an error of the parser into one that says what was expected, what came and what to do. */
export function usageOf(error: CommanderError, program: Command, args: readonly string[]): UsageError {
  const command = program.commands.find((each) => each.name() === args[0]);
  const help = `See sluice ${command === undefined ? "" : `${command.name()} `}--help.`;
  const given = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownCommand": {
      const names = program.commands.map((each) => each.name());
      const got = quoted(args.find((arg) => !arg.startsWith("-")) ?? given);
      return new UsageError(`a command (${names.join(", ")})`, got, meant(JSON.parse(got), names, help));
    }
    case "commander.unknownOption": {
      const known = (command ?? program).options.flatMap(({ long }) => long ?? []);
      return new UsageError(
        `an option of ${command === undefined ? "sluice" : `sluice ${command.name()}`}`,
        quoted(given),
        meant(given, [...known, "--help"], help),
      );
    }
    case "commander.missingArgument":
      return new UsageError(`<${given}>`, "nothing", help);
    case "commander.optionMissingArgument":
      return new UsageError(`a value for ${given}`, "nothing", help);
    case "commander.excessArguments":
      return new UsageError("no further argument", quoted(String(args.at(-1))), help);
    default:
      return new UsageError("another command line", error.message.replace(/^error: /, ""), help);
  }
}

function meant(given: string, known: readonly string[], help: string): string {
  const close = nearest(given, known);
  return close === undefined ? help : `Did you mean ${close}? ${help}`;
}
