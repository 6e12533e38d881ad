// Questions to the human at the terminal: read as bytes from /dev/tty, so that no string ever holds a secret.
//
// The terminal is in raw mode while an answer is typed: nothing is echoed but what this file echoes, and Ctrl-C is a
// byte. It is put back when the answer ends, when the process exits, and by Node itself on SIGINT and SIGTERM.
import { closeSync, openSync, writeSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { X402Error } from "../protocol/errors.ts";
import { Secret } from "../vault/secret.ts";
import { LineEditor, type LineState } from "./line-editor.ts";

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

/** What arrived behind the end of an answer belongs to the next question. */
let typedAhead = new Uint8Array();

async function ask(question: string, editor: LineEditor): Promise<Secret> {
  const input = new ReadStream(openTerminal("r"));
  const restore = () => input.setRawMode(false);
  process.once("exit", restore);
  input.setRawMode(true);
  try {
    // After the echo is off: who answers at once must not see the answer.
    show(question);
    return await answerOf(input, editor);
  } finally {
    process.off("exit", restore);
    if (!input.destroyed) restore();
    input.destroy();
  }
}

function answerOf(input: ReadStream, editor: LineEditor): Promise<Secret> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      reject(new X402Error("ABORTED", "the terminal was closed"));
    };
    const receive = (chunk: Uint8Array) => {
      const state = editor.push(chunk);
      if (state.is !== "open") typedAhead = Uint8Array.from(state.rest);
      chunk.fill(0);
      if (state.is !== "open") show("\n");
      settle(state, resolve, reject);
    };
    input.on("error", gone).on("end", gone).on("data", receive);
    if (typedAhead.length > 0) receive(typedAhead);
  });
}

function settle(state: LineState, resolve: (line: Secret) => void, reject: (error: X402Error) => void): void {
  if (state.is === "line") resolve(state.line);
  else if (state.is === "stopped") reject(new X402Error(state.code, state.why));
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
