// The driver of fault.c: compiles it, starts processes under it, arms it, and tells what was reached.
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("fault.c", import.meta.url));

export const OPS = { write: 1, sync: 2, truncate: 4, open: 8, rename: 16, unlink: 32 } as const;
export type Op = keyof typeof OPS;

const ACTIONS = {
  killBefore: 1,
  killAfter: 2,
  /** Fails with `error`; nothing is done. */
  fail: 3,
  /** Writes a part and says that it wrote all. */
  loseTail: 4,
  tearAndKill: 5,
  /** Writes all of it with one bit changed. */
  flip: 6,
  /** Writes a part and says so. */
  short: 7,
} as const;
export type Action = keyof typeof ACTIONS;
/** Those that mean something for a write alone; at another call they let it pass. */
export const WRITE_ACTIONS: readonly Action[] = ["loseTail", "tearAndKill", "flip", "short"];

const ERRORS = {
  EIO: constants.errno.EIO,
  ENOSPC: constants.errno.ENOSPC,
  EROFS: constants.errno.EROFS,
  EFBIG: constants.errno.EFBIG,
} as const;
export type FaultError = keyof typeof ERRORS;

export interface Plan {
  /** Counted from now: 1 is the next call. */
  readonly at: number;
  readonly action: Action;
  readonly error?: FaultError;
  /** Everything after it fails with `error`, too. */
  readonly andAfter?: boolean;
  /** Which bit is flipped, or after how many bytes a write is torn; modulo its length. */
  readonly place?: number;
}

export interface Call {
  readonly op: Op;
  /** The last part of the path. */
  readonly file: string;
  /** Of a write; 0 for other calls. */
  readonly bytes: number;
}

// struct control of fault.c
const AT = { ops: 0, action: 4, error: 8, after: 12, at: 16, count: 24, fired: 32, place: 40, match: 48 };
const HEADER = 256;
const CALL_BYTES = 32;
const CALLS = 16_384;
const MATCH_BYTES = HEADER - AT.match;

/** Why there is no shim here, or undefined. */
export function faultsImpossible(): string | undefined {
  if (process.platform !== "linux") return "faults are injected on Linux only";
  try {
    compiled();
    return undefined;
  } catch {
    return "no C compiler (cc), or no headers of the C library";
  }
}

/** The path of the compiled shim, which is made when its source is new. */
function compiled(): string {
  const name = `x402-fault-${process.getuid?.() ?? 0}-${hash("sha256", readFileSync(SOURCE)).slice(0, 16)}.so`;
  const file = join(realpathSync(tmpdir()), name);
  if (existsSync(file)) return file;
  // Renamed into place: tests in several processes may compile it at once.
  const made = `${file}.${process.pid}`;
  execFileSync("cc", ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", made, SOURCE], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  renameSync(made, file);
  return file;
}

/** One plan and one count, for the processes started with its environment. */
export class Fault {
  /** What a process needs to be under it; see `under` for a command that does it. */
  readonly env: { readonly LD_PRELOAD: string; readonly X402_FAULT: string };
  readonly #folder: string;
  readonly #fd: number;

  /** Counts `ops` (all of them unless given) on files whose path contains `match`. */
  constructor(match: string, ops: readonly Op[] = Object.keys(OPS) as Op[]) {
    this.#folder = mkdtempSync(join(realpathSync(tmpdir()), "fault-"));
    const file = join(this.#folder, "control");
    this.#fd = openSync(file, "w+", 0o600);
    ftruncateSync(this.#fd, HEADER + CALLS * CALL_BYTES);
    this.env = { LD_PRELOAD: compiled(), X402_FAULT: file };
    const text = Buffer.alloc(MATCH_BYTES);
    if (text.write(match) === MATCH_BYTES) throw new RangeError(`match is at most ${MATCH_BYTES - 1} bytes`);
    writeSync(this.#fd, text, 0, MATCH_BYTES, AT.match);
    this.#set32(
      AT.ops,
      ops.reduce((mask, op) => mask | OPS[op], 0),
    );
  }

  /** A command that starts another one under it, in its place: the pid is the same. */
  get under(): string[] {
    return ["env", ...Object.entries(this.env).map(([name, value]) => `${name}=${value}`)];
  }

  /** How many calls there were so far, in all processes. */
  get count(): number {
    return this.#get64(AT.count);
  }

  /** The number of the call at which the plan was carried out, or 0. */
  get fired(): number {
    return this.#get64(AT.fired);
  }

  arm({ at, action, error = "EIO", andAfter = false, place = 0 }: Plan): void {
    this.disarm();
    this.#set32(AT.action, ACTIONS[action]);
    this.#set32(AT.error, ERRORS[error]);
    this.#set32(AT.after, andAfter ? 1 : 0);
    this.#set64(AT.place, place);
    this.#set64(AT.at, this.count + at);
  }

  disarm(): void {
    this.#set64(AT.at, 0);
    this.#set64(AT.fired, 0);
  }

  /** The calls from number `from` (0: the first) on; those since then must not be more than 16,384. */
  calls(from = 0): Call[] {
    return Array.from({ length: this.count - from }, (_, index) => this.#call(from + index));
  }

  remove(): void {
    closeSync(this.#fd);
    rmSync(this.#folder, { recursive: true });
  }

  #call(index: number): Call {
    const bytes = this.#read(HEADER + (index % CALLS) * CALL_BYTES, CALL_BYTES);
    const mask = bytes.readUInt32LE(0);
    const op = (Object.keys(OPS) as Op[]).find((name) => OPS[name] === mask);
    if (!op) throw new Error(`call ${index} was not recorded`);
    return { op, bytes: bytes.readUInt32LE(4), file: bytes.toString("utf8", 8).replace(/\0.*$/s, "") };
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#fd, bytes, 0, length, at);
    return bytes;
  }

  #get64(at: number): number {
    return Number(this.#read(at, 8).readBigUInt64LE());
  }

  #set64(at: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    writeSync(this.#fd, bytes, 0, 8, at);
  }

  #set32(at: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    writeSync(this.#fd, bytes, 0, 4, at);
  }
}
