// Runs the real x402-policy against a signer's home.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Pty } from "../counterparts/pty.ts";
import { type Outcome, environment } from "./vault-command.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-policy.ts", import.meta.url));

/** Without a terminal; `input` goes to stdin, which is then closed. */
export async function policy(home: string, args: readonly string[], input = ""): Promise<Outcome> {
  return await outcomeOf(["setsid", "-w", process.execPath, BINARY, ...args], home, input);
}

/** By a shell, its output going to `redirect`; the status is that of the command, or of what reads it. */
export const atShell = (
  home: string,
  args: readonly string[],
  redirect: string,
  node: readonly string[] = [],
): Promise<Outcome> =>
  outcomeOf(
    ["bash", "-o", "pipefail", "-c", `"$0" "$@" ${redirect}`, process.execPath, ...node, BINARY, ...args],
    home,
  );

/** As a user whom file modes bind, also where the tests are run by root. */
export const withoutRights = (home: string, args: readonly string[]): Promise<Outcome> => {
  const drop = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all"] : [];
  return outcomeOf([...drop, process.execPath, BINARY, ...args], home);
};

async function outcomeOf(
  [file = "", ...args]: readonly string[],
  home: string,
  input = "",
): Promise<Outcome> {
  const child = spawn(file, args, { env: environment(home) });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => undefined); // a command that reads nothing may be gone by now
  child.stdin.end(input);
  const [status] = (await once(child, "close")) as [number];
  return { status, stdout, stderr };
}

/** At a terminal. */
export const atTerminal = (home: string, args: readonly string[]): Pty =>
  new Pty([process.execPath, BINARY, ...args], environment(home));
