// The vault's writes, by the real command, on a disk that fails and with an end at each of their system calls. Afterwards
// the old or the new vault opens, whole, and the next write works.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Keypair } from "@solana/web3.js";
import { entryOf } from "../../protocol/errors.ts";
import { OPERATOR_SOCKET } from "../../protocol/places.ts";
import { headSchema } from "../../protocol/shapes.ts";
import { type Daemon, startDaemon } from "../../signer/daemon.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { create, open } from "../../vault/vault.ts";
import { environment } from "../cli/vault-command.ts";
import { JUNK, PASSPHRASE, ascii } from "../vault/home.ts";
import { type Action, type Call, Fault, type FaultError } from "./fault.ts";

const BINARY = fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url));
const CHEAP = ["--kdf", "19,2,1"];
const NEW_PASSPHRASE = "another passphrase altogether";
const KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const SOLANA = Keypair.fromSeed(Buffer.alloc(32, 0x41)).secretKey;
const CARDANO = Buffer.alloc(32, 0x42);
/** As solana-keygen and cardano-cli write keys. */
const KEY_FILES = {
  SOLANA: `[${SOLANA.join()}]`,
  CARDANO: `{"type":"PaymentSigningKeyShelley_ed25519","description":"","cborHex":"5820${CARDANO.toString("hex")}"}`,
};

/** One way to change a vault. */
export interface Write {
  readonly name: string;
  /** Whether there is a vault before it. */
  readonly changes: boolean;
  readonly args: readonly string[];
  /** What the new vault opens with. */
  readonly passphrase: string;
}

/** What happens at call number `at`, from 1, of a write. */
export interface Fate {
  readonly at: number;
  readonly action: Action;
  readonly error: FaultError;
  readonly andAfter: boolean;
  readonly place: number;
}

export const isKill = ({ action }: Fate): boolean =>
  action === "killBefore" || action === "killAfter" || action === "tearAndKill";

export const WRITES: readonly Write[] = [
  write("create", ["init", "--words-to", "WORDS", ...CHEAP], { changes: false }),
  write("create from a phrase", ["import", "--from", "PHRASE", ...CHEAP], { changes: false }),
  write("passphrase", ["rotate", "--new-passphrase-file", "NEW"], { passphrase: NEW_PASSPHRASE }),
  write("rotate --data-key", ["rotate", "--data-key"]),
  write("rotate --wallet", ["rotate", "--wallet", "evm"]),
  write("import", ["import", "--replace", "--from", "KEY"]),
  write("import of a Solana key", ["import", "--replace", "--from", "SOLANA"]),
  write("import of a Cardano key", ["import", "--replace", "--from", "CARDANO"]),
  write("move", ["move", "--yes", "--socket", `RUN/${OPERATOR_SOCKET}`]),
];

function write(name: string, args: readonly string[], more: Partial<Write> = {}): Write {
  return {
    name,
    changes: true,
    args: [...args, "--passphrase-file", "OLD"],
    passphrase: PASSPHRASE,
    ...more,
  };
}

/** A home, and the files that a command is given. */
export class VaultLab {
  readonly #folder = mkdtempSync(join(realpathSync(tmpdir()), "vault lab "));
  readonly #fault: Fault;
  readonly #before: Uint8Array;
  /** The signer that the vault moves to. */
  #daemon: Daemon | undefined;
  /** What must be in no file in the clear. */
  readonly #secrets: readonly Buffer[];

  private constructor(before: Uint8Array) {
    this.#before = before;
    chmodSync(this.#folder, 0o700);
    mkdirSync(this.#home, { mode: 0o700 });
    const files = { OLD: PASSPHRASE, NEW: NEW_PASSPHRASE, PHRASE: JUNK, KEY, ...KEY_FILES };
    for (const [name, text] of Object.entries(files)) writeFileSync(this.#file(name), text, { mode: 0o600 });
    this.#fault = new Fault(this.#home);
    const texts = [PASSPHRASE, NEW_PASSPHRASE, JUNK.slice(0, 20), KEY.slice(0, 20)];
    const keys = [Buffer.from(KEY, "hex"), Buffer.from(SOLANA.subarray(0, 32)), CARDANO];
    this.#secrets = [...texts.map((text) => Buffer.from(text)), ...keys];
  }

  static async make(): Promise<VaultLab> {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "vault lab "));
    const path = join(folder, "vault.enc");
    try {
      using vault = await create(path, ascii(PASSPHRASE), {
        wallet: { entropy: entropyOf(ascii(JUNK)) },
        cost: LOWEST_COST,
      });
      await vault.change({ ledgerId: "abcd" });
      const lab = new VaultLab(readFileSync(path));
      lab.#daemon = await startDaemon({ home: lab.#file("STATE"), sockets: lab.#file("RUN") });
      return lab;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async remove(): Promise<void> {
    await this.#daemon?.close();
    this.#fault.remove();
    rmSync(this.#folder, { recursive: true });
  }

  /** The calls of a write that nothing disturbs. */
  async calls(write: Write): Promise<Call[]> {
    this.#reset(write);
    const from = this.#fault.count;
    const { status, stderr } = await this.#run(write);
    assert.equal(status, 0, stderr);
    const calls = this.#fault.calls(from);
    return calls.slice(0, calls.findLastIndex(({ file }) => /^(vault\.enc|head\.json)/.test(file)) + 1);
  }

  /** Which vault was there afterwards. */
  async suffer(write: Write, fate: Fate, calls: readonly Call[]): Promise<"old" | "new"> {
    const what = `${write.name}, ${JSON.stringify(fate)}`;
    this.#reset(write);
    this.#fault.arm(fate);
    const { status, signal, stderr } = await this.#run(write);
    const { fired } = this.#fault;
    this.#fault.disarm();
    assert.notEqual(fired, 0, `${what} did not happen`);
    this.#expectPrivate(what);
    const found = await this.#found(write, what);
    if (isKill(fate)) assert.equal(signal, "SIGKILL", what);
    else expectAnswer({ fate, calls, found, status, stderr, what });
    await this.#expectNextWrite(found === "new" ? write.passphrase : PASSPHRASE, what);
    return found;
  }

  get #home(): string {
    return join(this.#folder, "home");
  }

  get #vault(): string {
    return join(this.#home, "vault.enc");
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #reset({ changes }: Write): void {
    for (const name of readdirSync(this.#home)) rmSync(join(this.#home, name));
    rmSync(this.#file("WORDS"), { force: true });
    if (changes) writeFileSync(this.#vault, this.#before, { mode: 0o600 });
  }

  async #run({ args }: Write): Promise<{ status: number | null; signal: string | null; stderr: string }> {
    const given = args.map((arg) => (/^[A-Z]+(\/|$)/.test(arg) ? this.#file(arg) : arg));
    const env = {
      ...environment(this.#home),
      ...this.#fault.env,
      NODE_COMPILE_CACHE: join(tmpdir(), "x402-compile-cache"),
    };
    const child = spawn(process.execPath, [BINARY, ...given], { env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const [status, signal] = (await once(child, "close")) as [number | null, string | null];
    return { status, signal, stderr };
  }

  /** No file that others can read, and none with a secret in the clear. */
  #expectPrivate(what: string): void {
    for (const name of readdirSync(this.#home)) {
      assert.equal(lstatSync(join(this.#home, name)).mode & 0o777, 0o600, `${what}: mode of ${name}`);
      const bytes = readFileSync(join(this.#home, name));
      assert.ok(!this.#secrets.some((secret) => bytes.includes(secret)), `${what}: a secret in ${name}`);
    }
  }

  /** Opens what is there. Which vault it is follows from its generation. */
  async #found({ changes, passphrase }: Write, what: string): Promise<"old" | "new"> {
    if (!existsSync(this.#vault)) {
      assert.ok(!changes, `${what}: the vault is gone`);
      return "old";
    }
    if (changes && Buffer.compare(readFileSync(this.#vault), this.#before) === 0) return "old";
    using vault = await open(this.#vault, ascii(passphrase));
    vault.check();
    assert.equal(vault.header.generation, changes ? 3 : 1, what);
    const paying = vault.addresses.filter(({ retired }) => !retired).map(({ rail }) => rail);
    assert.deepEqual(paying.sort(), ["cardano", "evm", "solana"], what);
    const head = join(this.#home, "head.json");
    if (existsSync(head))
      assert.equal(headSchema.parse(JSON.parse(readFileSync(head, "utf8"))).ledger, vault.header.ledgerId);
    return "new";
  }

  async #expectNextWrite(passphrase: string, what: string): Promise<void> {
    if (existsSync(this.#vault)) {
      using vault = await open(this.#vault, ascii(passphrase));
      await vault.change({});
    } else {
      const wallet = { entropy: entropyOf(ascii(JUNK)) };
      (await create(this.#vault, ascii(passphrase), { wallet, cost: LOWEST_COST })).close();
    }
    // A lock that its maker had not written yet tells nobody whose it is.
    const left = readdirSync(this.#home).filter((name) => lstatSync(join(this.#home, name)).size > 0);
    assert.deepEqual(left.filter(isOfNoWrite), ["vault.enc"], what);
  }
}

/** The head beside the vault is written after it, under a lock and a name of its own; the next head clears them. */
const isOfNoWrite = (name: string): boolean => !name.startsWith("head.json");

interface Answer {
  readonly fate: Fate;
  readonly calls: readonly Call[];
  readonly found: "old" | "new";
  readonly status: number | null;
  readonly stderr: string;
  readonly what: string;
}

/** A failure is VAULT_WRITE and the vault the old one, up to the rename; behind it the new one stands and is said to. */
function expectAnswer({ fate, calls, found, status, stderr, what }: Answer): void {
  const renamed = calls.findIndex(({ op }) => op === "rename") + 1;
  const { op, file } = calls[fate.at - 1]!;
  // The head beside the vault comes last; and a lock that cannot be removed is told by the next writer.
  const last = calls.findLastIndex((call) => call.file.startsWith("vault.enc")) + 1;
  const tolerated =
    fate.at > last ||
    (op === "unlink" && fate.at > renamed) ||
    fate.action === "short" ||
    isLieAboutLock(fate, file);
  if (tolerated) {
    assert.deepEqual([status, found], [0, "new"], `${what}: ${stderr}`);
    return;
  }
  assert.equal(status, entryOf("VAULT_WRITE").exit, `${what}: ${stderr}`);
  assert.ok(stderr.includes(entryOf("VAULT_WRITE").text), `${what}: ${stderr}`);
  assert.equal(found, fate.at <= renamed ? "old" : "new", what);
  assert.equal(stderr.includes("it took its place"), found === "new", `${what}: ${stderr}`);
}

/** What a lock says matters only to others who look at it meanwhile. */
const isLieAboutLock = ({ action }: Fate, file: string): boolean =>
  (action === "flip" || action === "loseTail") && file.includes(".lock");
