// A household for the demo: a folder of its own, the project's real commands in it, and the signer's process.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

export class Household implements AsyncDisposable {
  readonly #folder: string;
  #signer: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Household> {
    return new Household(await mkdtemp(join(tmpdir(), "x402-demo-")));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(this.path(name), text, { mode: 0o600 });
  }

  // What every process here gets to know: nothing of the caller's own home, and no secret.
  get #environment() {
    const { PATH } = process.env;
    const agent = this.path("home/run/agent.sock");
    return { PATH, HOME: this.#folder, X402_HOME: this.path("home"), X402_SIGNER_SOCK: agent };
  }

  /** Runs one of the project's own programs, such as "bin/x402-vault.ts", to its end. */
  run(program: string, ...args: string[]): Promise<Outcome> {
    const options = { env: this.#environment, encoding: "utf8" } as const;
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [join(root, program), ...args],
        options,
        (_, stdout, stderr) => {
          resolve({ status: child.exitCode ?? -1, stdout, stderr });
        },
      );
    });
  }

  /** Starts the signer and waits until it listens. Gives its process id. */
  async startSigner(): Promise<number> {
    const args = [join(root, "bin/x402-signer.ts")];
    const signer = spawn(process.execPath, args, {
      env: this.#environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#signer = signer;
    let said = "";
    for await (const line of createInterface({ input: signer.stderr })) {
      said += `${line}\n`;
      if (!line.includes("listening")) continue;
      signer.stderr.resume();
      return signer.pid!;
    }
    throw new Error(`the signer did not start:\n${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const signer = this.#signer;
    if (signer?.exitCode === null && signer.signalCode === null) {
      const ended = once(signer, "exit");
      signer.kill("SIGTERM");
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
