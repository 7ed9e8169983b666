// sluice completion: prints a completion script for a shell, which calls the program for suggestions.
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

const HELP = `
Examples:
  $ source <(sluice completion bash)                     put it into ~/.bashrc
  $ source <(sluice completion zsh)                      put it into ~/.zshrc
  $ sluice completion fish > ~/.config/fish/completions/sluice.fish`;

/**
 * Adds the command, and the hidden command that the scripts call. Must be called after all other commands are added.
 */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: "completion" });
  const command = program.commands.find((each) => each.name() === "completion");
  command
    ?.summary("print a script that completes commands in a shell")
    .description("Prints a script that completes the commands and options of sluice in a shell.")
    .addHelpText("after", HELP);
}
