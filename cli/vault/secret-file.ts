// Secrets in files and pipes, for scripts: never in arguments or the environment, where every process can read them.
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { X402Error } from "../../protocol/errors.ts";
import { ownUid } from "../../vault/path.ts";
import { Secret } from "../../vault/secret.ts";

const STDIN = 0;
const STDOUT = 1;
const GROUP_OR_OTHERS = 0o077;
const MAX_BYTES = 4096;

/**
 * The content of `file` (`-` is stdin) without one newline at its end. Throws USAGE, naming `what`, also for a file
 * that other users can read.
 */
export function readSecret(file: string, what: string): Secret {
  if (file === "-" && isatty(STDIN)) {
    throw new X402Error("USAGE", `- reads ${what} from a pipe, and stdin is a terminal`, {
      hint: "leave the option out to be asked",
    });
  }
  const buffer = new Uint8Array(MAX_BYTES + 1);
  try {
    const length = readAll(file, buffer, what);
    if (length > MAX_BYTES) throw new X402Error("USAGE", `${what} in ${file} has over ${MAX_BYTES} bytes`);
    const trimmed = withoutNewline(buffer.subarray(0, length));
    if (trimmed.length === 0) throw new X402Error("USAGE", `${what} in ${file} is empty`);
    return Secret.take(Uint8Array.from(trimmed));
  } finally {
    buffer.fill(0);
  }
}

/** Makes a 0600 file that did not exist, and waits until it is on disk. Throws USAGE. */
export function writeSecret(file: string, pieces: readonly (string | Secret)[]): void {
  const fd = opened(file, "wx", "a new file for the secret");
  try {
    for (const piece of pieces) {
      if (typeof piece === "string") writeSync(fd, piece);
      else piece.use((bytes) => writeSync(fd, bytes));
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** To stdout, which is no terminal. */
export const printSecret = (secret: Secret): void => {
  secret.use((bytes) => {
    for (let at = 0; at < bytes.length;) at += writeSync(STDOUT, bytes, at);
  });
};

function readAll(file: string, buffer: Uint8Array, what: string): number {
  const fd = file === "-" ? STDIN : opened(file, "r", what);
  let length = 0;
  try {
    assertPrivate(fd, file, what);
    for (let got = -1; got !== 0 && length < buffer.length; length += got) {
      got = readSync(fd, buffer, length, buffer.length - length, null);
    }
    return length;
  } catch (error) {
    if (error instanceof X402Error) throw error;
    throw new X402Error("USAGE", `${what} cannot be read from ${file} (${reason(error)})`, { cause: error });
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
}

/** Pipes have no other readers, whatever their mode says; a file that others can read is a secret no more. */
function assertPrivate(fd: number, file: string, what: string): void {
  const stats = fstatSync(fd);
  if (!stats.isFile()) return;
  const mode = stats.mode & 0o777;
  const foreign = stats.uid !== ownUid() && stats.uid !== 0;
  if ((mode & GROUP_OR_OTHERS) === 0 && !foreign) return;
  const why = foreign ? `belongs to user ${stats.uid}` : `has mode ${mode.toString(8)}`;
  throw new X402Error("USAGE", `${what} is in a file that others can read: ${file} ${why}`, {
    hint: `nothing was changed; chmod 600 ${file}, and choose another secret if someone may have read it`,
  });
}

function opened(file: string, flags: "r" | "wx", what: string): number {
  try {
    return openSync(file, flags, 0o600);
  } catch (error) {
    throw new X402Error("USAGE", `cannot open ${file} as ${what} (${reason(error)})`, { cause: error });
  }
}

function withoutNewline(bytes: Uint8Array): Uint8Array {
  const [last, before] = [bytes.at(-1), bytes.at(-2)];
  if (last !== 10) return bytes;
  return bytes.subarray(0, before === 13 ? -2 : -1);
}

const reason = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "error";
