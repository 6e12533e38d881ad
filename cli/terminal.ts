// What a command writes, and where.
//
// - Results go to stdout, one fact a line, so that they can be piped. Talk (progress, warnings, errors, next steps)
//   goes to stderr. Questions and secrets go to the terminal itself (cli/prompt.ts), never through either.
// - No colour and no cursor movement on stdout and stderr, piped or not.
// - Text that others chose (a path, an answer of the signer, a seller's name) is escaped before it is shown: a
//   terminal obeys control characters, and some characters only pretend to be what they look like.
// - An error is one line, "<command>: <what>", and one line of what to do. The exit status says which kind it was:
//   0 done, 1 the answer is no, 2 wrong use, 3 not now, 4 fault.
// - A failed command has changed nothing unless it says so.
import { X402Error, entryOf } from "../protocol/errors.ts";

/** Controls, line and paragraph separators, direction marks and overrides, invisible and private characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text of others in one printable line: what is not printable becomes \u{...}, and a backslash \\. */
export const printable = (text: string): string =>
  text
    .replaceAll("\\", "\\\\")
    .replace(UNPRINTABLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);

/** A line of the result. */
export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** A line of talk. */
export function say(line = ""): void {
  process.stderr.write(`${line}\n`);
}

/** Rows as lines whose columns are left-aligned, two spaces apart; a column of numbers wants `right`. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  const pad = (cell: string, at: number): string =>
    right.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}

/** Says what went wrong and what to do, and returns the exit status. */
export function fail(command: string, error: unknown): number {
  if (error instanceof X402Error) {
    say(`${command}: ${printable(error.message)}`);
    say(`  ${printable(error.hint)}`);
    return entryOf(error.code).exit;
  }
  const { text, hint, exit } = entryOf("INTERNAL");
  say(`${command}: ${text}: ${printable(error instanceof Error ? error.message : String(error))}`);
  say(`  ${hint}`);
  return exit;
}
