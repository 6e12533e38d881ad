// The signer as a system service: its own user, sockets that somebody else has opened with a mode and a group each, as
// systemd does, and callers that are other users. All of it real, so it takes root; tests skip, and say so, without.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { COMMAND } from "./signer.ts";

const READY = "locked, listening";
const PROBE = fileURLToPath(new URL("probe.ts", import.meta.url));

export const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("SKIPPED: tests with users of their own take root (sudo)");

/** Numbers are enough for a user; none of these has a name. Each is also its own group, which a socket may be for. */
export const USERS = {
  signer: 64_101,
  operator: 64_102,
  agent: 64_103,
  research: 64_104,
  desk: 64_105,
  observer: 64_106,
  stranger: 64_107,
} as const;
export type User = keyof typeof USERS;

export interface Socket {
  /** As in protocol/places.ts. */
  readonly name: string;
  readonly mode: number;
  readonly group: User;
}

/** One socket for each role, for the role's own group alone, as the units in systemd/ have them. */
export const BY_GROUP: readonly Socket[] = [
  { name: "operator.sock", mode: 0o660, group: "operator" },
  { name: "agent.sock", mode: 0o660, group: "agent" },
  { name: "agents/research.sock", mode: 0o660, group: "research" },
  { name: "desk.sock", mode: 0o660, group: "desk" },
  { name: "observer.sock", mode: 0o660, group: "observer" },
];
export const FOR_ALL: readonly Socket[] = BY_GROUP.map((socket) => ({ ...socket, mode: 0o666 }));

/** Runs a command as a user, with no other group and without a way back. */
export const as = (user: User, argv: readonly string[]): string[] => {
  const id = String(USERS[user]);
  const ids = [`--reuid=${id}`, `--regid=${id}`, "--clear-groups"];
  return ["setpriv", ...ids, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", ...argv];
};

export class Service {
  readonly folder: string;
  readonly #children: ChildProcess[] = [];
  output = "";

  constructor() {
    this.folder = mkdtempSync(join(realpathSync(tmpdir()), "x402-service-"));
    chmodSync(this.folder, 0o755);
    for (const name of ["run", "run/agents"]) mkdirSync(join(this.folder, name), { mode: 0o755 });
    this.homeOf("signer");
  }

  /** A folder that is the user's alone, made when first asked for. */
  homeOf(user: User): string {
    const home = join(this.folder, user);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    chownSync(home, USERS[user], USERS[user]);
    return home;
  }

  socket(name: string): string {
    return join(this.folder, "run", name);
  }

  /**
   * Starts the command as the signer's user, with these sockets; `under` is a command before node, `around` one of
   * root's before all.
   */
  async start(
    sockets: readonly Socket[],
    args: readonly string[] = [],
    { under = [], around = [] }: { under?: readonly string[]; around?: readonly string[] } = {},
  ): Promise<ChildProcess> {
    const opened = await Promise.all(sockets.map((socket) => this.#open(socket)));
    const names = sockets.map(({ name }) => name).join(":");
    // LISTEN_PID is known only in the process itself.
    const shell = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...under];
    const places = ["--home", join(this.homeOf("signer"), "state"), "--sockets", join(this.folder, "run")];
    const node = [process.execPath, COMMAND, ...places, ...args];
    const [command = "", ...rest] = [...around, ...as("signer", [...shell, ...node])];
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe", ...opened.map(({ fd }) => fd)],
      env: { PATH: process.env["PATH"], LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names },
    });
    this.#children.push(child);
    for (const { close } of opened) close();
    await this.#ready(child);
    return child;
  }

  /** What the user's process gets of each of these, in their order: "ok" or a code. */
  async probe(user: User, wanted: readonly Probe[]): Promise<string[]> {
    const [command = "", ...args] = as(user, [process.execPath, PROBE, JSON.stringify(wanted)]);
    const { stdout } = await promisify(execFile)(command, args);
    return JSON.parse(stdout) as string[];
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const end = once(child, "close");
    child.kill(signal);
    const [code] = (await end) as [number | null];
    return code;
  }

  remove(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Listens in this process until `close`, without ever accepting; the file stays. */
  async #open({ name, mode, group }: Socket): Promise<{ fd: number; close: () => void }> {
    const path = this.socket(name);
    const made = `${path}.new`;
    const server = createServer().listen(made);
    await once(server, "listening");
    chownSync(made, 0, USERS[group]);
    chmodSync(made, mode);
    renameSync(made, path); // Node removes what it has made by its first name
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    return { fd, close: () => server.close() };
  }

  #ready(child: ChildProcess): Promise<void> {
    this.output = "";
    return new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding("utf8").on("data", (text: string) => {
          this.output += text;
          if (this.output.includes(READY)) resolve();
        });
      }
      child.once("close", (code) => {
        reject(new Error(`the service did not start, exit ${code}:\n${this.output}`));
      });
    });
  }
}

export type Probe =
  | { readonly socket: string; readonly method: string; readonly params?: object }
  | { readonly read: string }
  | { readonly write: string }
  | { readonly trace: number };
