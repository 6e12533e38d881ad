// Questions to the human at the terminal: read as bytes from /dev/tty, so that no string ever holds a secret.
//
// From the first question on the terminal is in raw mode until the command ends (cli/keyboard.ts): nothing is echoed but
// what this file echoes.
import { closeSync, openSync, writeSync } from "node:fs";
import { WriteStream } from "node:tty";
import { X402Error } from "../protocol/errors.ts";
import { Secret } from "../vault/secret.ts";
import { Keyboard } from "./keyboard.ts";
import { LineEditor } from "./line-editor.ts";

/** Asks without showing what is typed. Throws ABORTED on Ctrl-C and Ctrl-D, USAGE without a terminal. */
export const askSecret = (question: string): Promise<Secret> => ask(question, new LineEditor());

/** Asks for what may be seen. */
export const askBytes = (question: string): Promise<Secret> =>
  ask(
    question,
    new LineEditor((bytes) => {
      show(bytes);
    }),
  );

/** Asks for what may be seen, in one trimmed line. */
export async function askText(question: string): Promise<string> {
  using answer = await askBytes(question);
  return answer.use((bytes) => Buffer.from(bytes).toString("utf8")).trim();
}

/** True for y and yes; anything else is no. */
export const confirm = async (question: string): Promise<boolean> =>
  /^y(es)?$/i.test(await askText(`${question} [y/N] `));

/** Shows text or bytes on the terminal, where no pipe and no log catches them. */
export function show(...pieces: readonly (string | Uint8Array | Secret)[]): void {
  const fd = openTerminal("w");
  try {
    for (const piece of pieces) {
      if (piece instanceof Secret) piece.use((bytes) => writeSync(fd, bytes));
      else writeSync(fd, typeof piece === "string" ? Buffer.from(piece) : piece);
    }
  } finally {
    closeSync(fd);
  }
}

/** Columns and lines of the terminal, undefined where it does not tell. Throws USAGE without one. */
export function terminalSize(): { readonly columns: number | undefined; readonly rows: number | undefined } {
  const terminal = new WriteStream(openTerminal("w"));
  const { columns, rows } = terminal;
  terminal.destroy();
  return { columns: columns || undefined, rows: rows || undefined };
}

/** Rubs out the last `lines` lines that were shown. */
export const rubOut = (lines: number): void => {
  show(`\x1b[${lines}A\x1b[J`);
};

let keyboard: Keyboard | undefined;

async function ask(question: string, editor: LineEditor): Promise<Secret> {
  keyboard ??= new Keyboard(openTerminal("r"));
  // After the echo is off: who answers at once must not see the answer.
  show(question);
  try {
    return await keyboard.answer(editor);
  } finally {
    if (!keyboard.gone) show("\n");
  }
}

function openTerminal(flags: "r" | "w"): number {
  try {
    return openSync("/dev/tty", flags);
  } catch {
    throw new X402Error("USAGE", "there is no terminal to ask on", {
      hint: "run it on a terminal, or answer by options: see --help",
    });
  }
}
