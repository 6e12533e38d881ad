// A line as it is typed in raw mode, kept in one buffer that is wiped.
//
// Known: Enter ends, Backspace takes the last character away, Ctrl-U all of them, Ctrl-C and Ctrl-D give up. Arrow
// and function keys, and every other control character, do nothing; what is not one of these belongs to the line.
import type { Code } from "../protocol/errors.ts";
import { Secret } from "../vault/secret.ts";

export const MAX_LINE_BYTES = 1024;

export type LineState =
  | { readonly is: "open" }
  /** `rest`: what came after the end of the line; a view of the chunk. */
  | { readonly is: "line"; readonly line: Secret; readonly rest: Uint8Array }
  | { readonly is: "stopped"; readonly code: Code; readonly why: string; readonly rest: Uint8Array };

const [CTRL_C, CTRL_D, BACKSPACE, LF, CR, CTRL_U, ESC, SPACE, DELETE] = [3, 4, 8, 10, 13, 21, 27, 32, 127];
const RUB_OUT = "\b \b";
const ESCAPE_INTRODUCERS = "[O";

export class LineEditor {
  readonly #echo: (bytes: Uint8Array) => void;
  readonly #line = new Uint8Array(MAX_LINE_BYTES);
  #length = 0;
  /** Inside an escape sequence: 1 after ESC, 2 after its introducer. */
  #escape = 0;

  /** `echo` shows what was typed; without it nothing is shown. */
  constructor(echo: (bytes: Uint8Array) => void = () => undefined) {
    this.#echo = echo;
  }

  /** Takes bytes as they arrive. Once the answer is not "open" the editor is done and its buffer wiped. */
  push(chunk: Uint8Array): LineState {
    for (const [at, byte] of chunk.entries()) {
      const rest = chunk.subarray(at + 1);
      if (byte === CR || byte === LF) return { is: "line", line: this.#take(), rest };
      const why = this.#stopped(byte);
      if (why !== undefined) {
        this.#wipe(0);
        return { is: "stopped", ...why, rest };
      }
      this.#type(byte);
    }
    return { is: "open" };
  }

  #stopped(byte: number): { code: Code; why: string } | undefined {
    if (byte === CTRL_C || (byte === CTRL_D && this.#length === 0))
      return { code: "ABORTED", why: "at the question" };
    if (this.#length < MAX_LINE_BYTES) return undefined;
    return { code: "USAGE", why: `a line may have up to ${MAX_LINE_BYTES} bytes` };
  }

  #type(byte: number): void {
    if (byte === ESC) this.#escape = 1;
    else if (this.#escape > 0) this.#skip(byte);
    else if (byte === BACKSPACE || byte === DELETE) this.#backspace();
    else if (byte === CTRL_U) while (this.#length > 0) this.#backspace();
    else if (byte >= SPACE) {
      this.#line[this.#length++] = byte;
      this.#echo(Uint8Array.of(byte));
    }
  }

  /** ESC [ ... final byte, ESC O final byte, or ESC and one character. */
  #skip(byte: number): void {
    if (this.#escape === 1 && ESCAPE_INTRODUCERS.includes(String.fromCharCode(byte))) this.#escape = 2;
    else if (this.#escape === 1 || byte >= 64) this.#escape = 0;
  }

  /** One UTF-8 character: its continuation bytes (10xxxxxx) and the byte that leads them. */
  #backspace(): void {
    if (this.#length === 0) return;
    let at = this.#length - 1;
    while (at > 0 && ((this.#line[at] ?? 0) & 0xc0) === 0x80) at--;
    this.#wipe(at);
    this.#echo(Buffer.from(RUB_OUT));
  }

  #wipe(from: number): void {
    this.#line.fill(0, from);
    this.#length = from;
  }

  #take(): Secret {
    const line = Secret.take(this.#line.slice(0, this.#length));
    this.#wipe(0);
    return line;
  }
}
