// A human at a terminal: runs a command under a pseudo-terminal of its own, reads what appears and types answers.
//
// script(1) of util-linux makes the terminal; it belongs to every Debian (bsdutils). Tests skip, and say so, without.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export const hasPty = spawnSync("script", ["--version"]).status === 0;
if (!hasPty) console.warn("SKIPPED: tests at a terminal need script(1) of util-linux");

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export class Pty {
  readonly #child: ChildProcess;
  readonly #exit: Promise<number>;
  #output = "";
  #read = 0;
  #wake: () => void = () => undefined;
  #over = false;

  /** `redirect` is shell text behind the command, such as `>out.txt`. */
  constructor(argv: readonly string[], env: NodeJS.ProcessEnv, redirect = "") {
    const command = `exec ${argv.map(quote).join(" ")} ${redirect}`;
    this.#child = spawn("script", ["-qefc", command, "/dev/null"], { env: { ...env, SHELL: "/bin/sh" } });
    this.#child.stdout!.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString("utf8");
      this.#wake();
    });
    this.#exit = once(this.#child, "close").then(([status]) => {
      this.#over = true;
      this.#wake();
      return status as number;
    });
  }

  /** All that has appeared on the terminal. */
  get output(): string {
    return this.#output;
  }

  /** Waits until `text` appears behind what was expected before. Throws when the command ends without it. */
  async expect(text: string): Promise<void> {
    for (;;) {
      const at = this.#output.indexOf(text, this.#read);
      if (at !== -1) {
        this.#read = at + text.length;
        return;
      }
      if (this.#over) throw new Error(`the command ended before "${text}":\n${this.#output}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  type(text: string | Uint8Array): void {
    this.#child.stdin!.write(text);
  }

  /** Waits for `question`, types `reply` and Enter. */
  async answer(question: string, reply: string): Promise<void> {
    await this.expect(question);
    this.type(`${reply}\r`);
  }

  /** Takes the terminal away, as closing its window does. */
  hangUp(): void {
    this.#child.kill("SIGKILL");
  }

  /** The exit status of the command. */
  status(): Promise<number> {
    return this.#exit;
  }
}
