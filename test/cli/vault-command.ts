// Runs the real command, as a script does or as a human at a terminal does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Pty } from "../counterparts/pty.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url));
/** The lowest cost that is permitted: tests derive many keys. */
export const CHEAP = ["--kdf", "19,2,1"];

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Only what is named here: nothing of the tester's own home is ever touched. */
export const environment = (home: string): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: home,
  X402_HOME: home,
  TERM: "xterm",
});

/** Without a terminal; `input` goes to stdin, which is then closed. */
export async function vault(home: string, args: readonly string[], input = ""): Promise<Outcome> {
  const child = spawn("setsid", ["-w", process.execPath, BINARY, ...args], { env: environment(home) });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => undefined); // a command that reads nothing may be gone by now
  child.stdin.end(input);
  const [status] = (await once(child, "close")) as [number];
  return { status, stdout, stderr };
}

/** At a terminal. */
export const atTerminal = (home: string, args: readonly string[], redirect = ""): Pty =>
  new Pty([process.execPath, BINARY, ...args], environment(home), redirect);
