// The terminal's keys, from the first question to the end of the command.
//
// Raw all that time: nothing is echoed but what cli/prompt.ts echoes, also between two questions, while a key is derived
// from the answer. What is typed there is kept for the next question, and Ctrl-C stops the command as it does elsewhere.
// The terminal is put back when the process exits, by whatever way lets it run one more line: SIGKILL does not.
import { ReadStream } from "node:tty";
import { X402Error } from "../protocol/errors.ts";
import type { Secret } from "../vault/secret.ts";
import type { LineEditor } from "./line-editor.ts";

interface Question {
  readonly editor: LineEditor;
  readonly resolve: (line: Secret) => void;
  readonly reject: (error: X402Error) => void;
}

const MAX_AHEAD = 16 * 1024;
const CTRL_C = 3;

export class Keyboard {
  readonly #input: ReadStream;
  #question: Question | undefined;
  #ahead = new Uint8Array();
  #gone = false;

  /** Adopts a descriptor of the terminal. */
  constructor(fd: number) {
    this.#input = new ReadStream(fd);
    this.#input.setRawMode(true);
    this.#input.on("data", (chunk: Uint8Array) => {
      this.#receive(chunk);
      chunk.fill(0);
    });
    for (const end of ["end", "error"]) {
      this.#input.on(end, () => {
        this.#hangUp();
      });
    }
    this.#input.unref();
    this.#putBackAtTheEnd();
  }

  /** The terminal was closed. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The next line, as `editor` takes it; one question at a time. Throws ABORTED and what the editor stops with. */
  answer(editor: LineEditor): Promise<Secret> {
    return new Promise((resolve, reject) => {
      this.#question = { editor, resolve, reject };
      if (this.#gone) this.#hangUp();
      this.#input.ref();
      const ahead = this.#ahead;
      this.#ahead = new Uint8Array();
      this.#receive(ahead);
      ahead.fill(0);
    });
  }

  #receive(chunk: Uint8Array): void {
    const question = this.#question;
    if (question === undefined) {
      this.#keep(chunk);
      return;
    }
    const state = question.editor.push(chunk);
    if (state.is === "open") return;
    this.#question = undefined;
    this.#input.unref();
    this.#keep(state.rest);
    if (state.is === "line") question.resolve(state.line);
    else question.reject(new X402Error(state.code, state.why));
  }

  /** Behind the end of an answer. More than anyone types is dropped. */
  #keep(bytes: Uint8Array): void {
    if (bytes.includes(CTRL_C)) process.kill(process.pid, "SIGINT");
    const both = new Uint8Array(Math.min(this.#ahead.length + bytes.length, MAX_AHEAD));
    both.set(this.#ahead);
    both.set(bytes.subarray(0, both.length - this.#ahead.length), this.#ahead.length);
    this.#ahead.fill(0);
    this.#ahead = both;
  }

  #hangUp(): void {
    this.#gone = true;
    this.#question?.reject(new X402Error("ABORTED", "the terminal was closed"));
    this.#question = undefined;
  }

  #putBackAtTheEnd(): void {
    const restore = () => this.#input.setRawMode(false);
    process.once("exit", restore);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
      process.once(signal, () => {
        restore();
        // Of SIGQUIT the kernel would make a core dump, with the answers in it.
        process.kill(process.pid, signal === "SIGQUIT" ? "SIGTERM" : signal);
      });
    }
    // A shell that stopped the command and goes on with it has put its own modes in between.
    process.on("SIGCONT", () => {
      restore();
      this.#input.setRawMode(true);
    });
  }
}
