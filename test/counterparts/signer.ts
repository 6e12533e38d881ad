// The signer for tests, on a home of its own with a vault made for it: in the test's process (with a clock that the
// test sets) or as a process of its own (to be killed). Both are used in the same way.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type SignerConnection, agentCall, connectSigner, operatorCall } from "../../client/signer.ts";
import type { WireIntent } from "../../protocol/intent.ts";
import type { ParamsOf } from "../../protocol/methods.ts";
import type { SignResult, Status } from "../../protocol/shapes.ts";
import { OPERATOR_SOCKET, agentSocketName } from "../../protocol/places.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../../signer/daemon.ts";
import { MAIN, signerFlags } from "../../signer/harden/flags.ts";
import { sealFor } from "../../vault/handoff.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { label } from "../../vault/keys.ts";
import { open as openSeal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { decode } from "../../vault/signing.ts";
import { type CreateOptions, type OpenVault, create, open } from "../../vault/vault.ts";

/** The command, which starts itself once more with the flags it needs: for tests of that. */
export const COMMAND = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));
const TESTS = fileURLToPath(new URL("../", import.meta.url));
const CACHE = join(realpathSync(tmpdir()), "x402-compile-cache");
const READY = "locked, listening";
const PASSPHRASE = "correct horse battery staple";

type UnlockScope = ParamsOf<"vault.unlock">["scope"];

/** A folder with a vault, and the place for a signer's state and sockets. Its path has a space in it. */
export class SignerHome {
  readonly folder: string;
  readonly vault: OpenVault;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string, vault: OpenVault) {
    this.folder = folder;
    this.vault = vault;
  }

  /** With a vault of its own, or with a copy of the file that another home's vault was. */
  static async make(copy?: Uint8Array): Promise<SignerHome> {
    return SignerHome.#make({ key: Secret.random(32) }, copy);
  }

  /** With an account on every rail. */
  static async ofPhrase(): Promise<SignerHome> {
    return SignerHome.#make({ entropy: Secret.random(32) });
  }

  static async #make(wallet: CreateOptions["wallet"], copy?: Uint8Array): Promise<SignerHome> {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "x402 "));
    const file = join(folder, "vault.enc");
    const passphrase = Secret.take(Buffer.from(PASSPHRASE));
    if (copy) {
      writeFileSync(file, copy, { mode: 0o600 });
      return new SignerHome(folder, await open(file, passphrase));
    }
    return new SignerHome(folder, await create(file, passphrase, { wallet, cost: LOWEST_COST }));
  }

  get state(): string {
    return join(this.folder, "state");
  }

  get sockets(): string {
    return join(this.folder, "run");
  }

  /** The account that pays on EVM. */
  get address(): `0x${string}` {
    return this.addressOf("evm") as `0x${string}`;
  }

  /** The account that pays on a rail, as the vault writes it. */
  addressOf(rail: string): string {
    return this.vault.addresses.find((account) => account.rail === rail && !account.retired)?.address ?? "";
  }

  /** What must never come out of a signer: the passphrase and every key that it is handed. */
  secrets(): Buffer[] {
    const { sealed, key } = this.vault.signingPart();
    const part = openSeal(key, sealed, label("signing"))!.use(decode);
    const keys = [key, part.nonceKey, part.auditKey, ...part.accounts.map((account) => account.key)];
    return [Buffer.from(PASSPHRASE), ...keys.map((secret) => secret.use((bytes) => Buffer.from(bytes)))];
  }

  /** A locked signer in this process. */
  async start(options: Partial<DaemonOptions> = {}): Promise<Signer> {
    const daemon = await startDaemon({ home: this.state, sockets: this.sockets, ...options });
    return new Signer(this, daemon, await connectSigner(daemon.operator));
  }

  /** A locked signer as a process. Rejects with StartFailed when it ends instead. */
  async spawn(options: SpawnOptions = {}): Promise<SignerProcess> {
    const args = ["--home", this.state, "--sockets", this.sockets, ...(options.args ?? [])];
    const [command = process.execPath, ...node] = [
      ...(options.under ?? []),
      process.execPath,
      ...(options.entry === COMMAND ? [] : flagsFor(args)),
      ...(options.node ?? []),
      options.entry ?? MAIN,
      ...args,
    ];
    // Starting is most of what a test that kills a hundred signers does: their compiled code is kept.
    const env = { ...process.env, NODE_COMPILE_CACHE: CACHE };
    const child = spawn(command, node, { stdio: ["ignore", "pipe", "pipe"], env });
    this.#children.push(child);
    const output = new Output(child);
    await output.ready;
    const operator = await connectSigner(join(this.sockets, OPERATOR_SOCKET)).catch(
      async (error: unknown) => {
        // It may have died between its word and our connection.
        await output.ended;
        throw new StartFailed(child.exitCode, `${output.text}${String(error)}`);
      },
    );
    return new SignerProcess(this, child, output, operator);
  }

  /** Takes the folder away, and kills what still runs on it: a test that failed may have left a signer. */
  remove(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    this.vault.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the command would start node with, and the files of the tests themselves. */
function flagsFor(args: readonly string[]): string[] {
  const last = (option: string): string => args[args.lastIndexOf(option) + 1]!;
  const more = [TESTS, CACHE].map((folder) => `--allow-fs-read=${folder}`);
  const flags = signerFlags({ home: last("--home"), sockets: last("--sockets") });
  return [...flags, ...more, `--allow-fs-write=${CACHE}`];
}

export interface SpawnOptions {
  /** For x402-signer. */
  readonly args?: readonly string[];
  /** For node. */
  readonly node?: readonly string[];
  /** What node runs in place of the signer's main module, with the flags of the signer; COMMAND gets none. */
  readonly entry?: string;
  /** A command that starts node, such as prlimit with its options. */
  readonly under?: readonly string[];
}

/** A signer that ended before it listened. */
export class StartFailed extends Error {
  readonly exit: number | null;
  readonly output: string;

  constructor(exit: number | null, output: string) {
    super(`the signer did not start, exit ${exit}:\n${output}`);
    this.exit = exit;
    this.output = output;
  }
}

interface Asked {
  readonly agent?: string;
  readonly session?: string;
  readonly context?: Record<string, unknown>;
}

/** A running signer and its operator. */
export class Signer<Running extends { close(): Promise<unknown> } = Daemon> {
  readonly home: SignerHome;
  readonly running: Running;
  readonly operator: SignerConnection;
  readonly #connections: SignerConnection[] = [];
  readonly #agents = new Map<string, Promise<SignerConnection>>();

  constructor(home: SignerHome, running: Running, operator: SignerConnection) {
    this.home = home;
    this.running = running;
    this.operator = operator;
    this.#connections.push(operator);
  }

  socketOf(agent = "default"): string {
    return join(this.home.sockets, agentSocketName(agent));
  }

  /** A new connection; closed with the signer. */
  async connect(agent = "default"): Promise<SignerConnection> {
    const connection = await connectSigner(this.socketOf(agent));
    this.#connections.push(connection);
    return connection;
  }

  /** The agent's connection that `sign` uses, opened when first asked for. */
  agent(name = "default"): Promise<SignerConnection> {
    let connection = this.#agents.get(name);
    if (!connection) this.#agents.set(name, (connection = this.connect(name)));
    return connection;
  }

  async sign(intent: WireIntent, { agent = "default", session, context }: Asked = {}) {
    const params = {
      intent,
      ...(session === undefined ? {} : { session }),
      ...(context === undefined ? {} : { context }),
    };
    return await agentCall(await this.agent(agent), "payment.sign", params);
  }

  /** Hands over the signing part; the vault names this ledger from the first time on. */
  async unlock(
    scope: UnlockScope = {},
    more: Partial<ParamsOf<"vault.unlock">> = {},
    vault = this.home.vault,
  ): Promise<Status> {
    const { publicKey, ledger } = await operatorCall(this.operator, "vault.offer", {});
    if (vault.header.ledgerId === undefined) await vault.change({ ledgerId: ledger.ledger });
    const { sealed, key } = vault.signingPart();
    using part = key;
    const message = { ...sealFor(publicKey, part, sealed), scope, ...more };
    return await operatorCall(this.operator, "vault.unlock", message);
  }

  lock(): Promise<Status> {
    return operatorCall(this.operator, "vault.lock", {});
  }

  status(): Promise<Status> {
    return operatorCall(this.operator, "signer.status", {});
  }

  async apply(document: Record<string, unknown>) {
    const { base } = await operatorCall(this.operator, "policy.get", {});
    return await operatorCall(this.operator, "policy.apply", { document, base });
  }

  /** Closes every connection, and stops the signer in order. */
  async close(): Promise<void> {
    this.disconnect();
    await this.running.close();
  }

  disconnect(): void {
    for (const connection of this.#connections) connection.close();
  }
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process as something to close, and its end. */
class Child {
  readonly process: ChildProcess;
  readonly output: Output;
  readonly exit: Promise<Exit>;

  constructor(child: ChildProcess, output: Output) {
    this.process = child;
    this.output = output;
    this.exit = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        resolve({ code, signal });
      });
    });
  }

  async close(): Promise<Exit> {
    return await this.end("SIGTERM");
  }

  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.process.kill(signal);
    return await this.exit;
  }
}

export class SignerProcess extends Signer<Child> {
  constructor(home: SignerHome, child: ChildProcess, output: Output, operator: SignerConnection) {
    super(home, new Child(child, output), operator);
  }

  get pid(): number {
    return this.running.process.pid!;
  }

  /** Everything it has written so far. */
  get output(): string {
    return this.running.output.text;
  }

  get exit(): Promise<Exit> {
    return this.running.exit;
  }

  /** Sends the signal and waits for the end; its connections stay as they are. */
  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    return this.running.end(signal);
  }
}

class Output {
  text = "";
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;

  constructor(child: ChildProcess) {
    this.ended = new Promise((resolve) => {
      child.once("close", () => {
        resolve();
      });
    });
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.ready = promise;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.text += text;
        if (this.text.includes(READY)) resolve(undefined);
      });
    }
    child.once("close", (code) => {
      reject(new StartFailed(code, this.text));
    });
  }
}

/** "signed", or the code of the decline or of the error. */
export async function outcomeOf(asked: Promise<SignResult>): Promise<string> {
  try {
    const result = await asked;
    return result.outcome === "signed" ? "signed" : result.check.code;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}
