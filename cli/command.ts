// A command and its subcommands: how arguments are read, and how every one of them ends.
import { Command, CommanderError } from "commander";
import { X402Error, entryOf } from "../protocol/errors.ts";
import { VERSION } from "../protocol/version.ts";
import { fail } from "./terminal.ts";

/** A program whose wrong use is said on stderr. Subcommands inherit it. */
export const program = (name: string, summary: string): Command =>
  new Command(name)
    .description(summary)
    .version(VERSION, "--version", "show the version")
    .exitOverride()
    .showHelpAfterError(`  run ${name} --help`)
    .helpCommand(false);

/**
 * Runs the program and sets the exit status by the table of codes; wrong use of the command line is 2.
 * Never rejects. Output that nobody reads any more (a closed pipe) ends the process quietly.
 */
export async function run(command: Command, argv: readonly string[] = process.argv): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    const detail = `the output cannot be written (${error.code ?? "error"})`;
    process.exit(fail(command.name(), new X402Error("INTERNAL", detail, { hint: "check where it goes" })));
  });
  try {
    await command.parseAsync(argv);
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? statusOf(error) : fail(command.name(), error);
  }
}

/** Commander has said what is wrong by itself; asking for help or the version is no error. */
const statusOf = (error: CommanderError): number => (error.exitCode === 0 ? 0 : entryOf("USAGE").exit);
