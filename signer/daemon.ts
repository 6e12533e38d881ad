// The signer's parts, wired: locks, ledger, wallet, sockets. main.ts starts it as a process; tests start it too.
import { chmodSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isOver } from "../policy/counters.ts";
import { X402Error } from "../protocol/errors.ts";
import { OPERATOR_SOCKET, agentSocketName } from "../protocol/places.ts";
import { VERSION } from "../protocol/version.ts";
import { agentRole } from "./agent.ts";
import { asDamage } from "./ledger/database.ts";
import { Ledger } from "./ledger/ledger.ts";
import { type FolderLock, lockFolder } from "./ledger/lock.ts";
import { createLog } from "./log.ts";
import { operatorRole } from "./operator.ts";
import { RAILS } from "./rails.ts";
import { type Listener, listen } from "./sockets/listen.ts";
import { Wallet } from "./wallet.ts";

export interface DaemonOptions {
  /** State: ledger.db, head, lock. Made 0700 when missing. */
  readonly home: string;
  /** Where the sockets go. Made 0700 when missing. */
  readonly sockets: string;
  /** Unix milliseconds. */
  readonly clock?: () => number;
  readonly log?: (lines: string) => void;
  /** A connection that finishes no line for so long, and waits for nothing, is closed. */
  readonly idleMs?: number;
  /** After a failed write: nothing more is signed, and the process has to end. */
  readonly onFault?: (error: X402Error) => void;
}

export interface Daemon {
  /** Paths of the agents' sockets, by name. */
  readonly agents: ReadonlyMap<string, string>;
  readonly operator: string;
  /** Answers what was accepted, locks, and closes the ledger. */
  close(): Promise<void>;
}

const IDLE_MS = 10 * 60_000;

/** Throws HOME_IN_USE, SOCKET_IN_USE, UNSAFE_HOME and LEDGER_*; nothing is left behind when it does. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const locks: FolderLock[] = [];
  const closing: (() => void | Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const close of closing.reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    for (const lock of locks.reverse()) lock.release();
    if (failures.length > 0) throw failures[0] as Error;
  };
  try {
    privateFolder(options.home);
    privateFolder(options.sockets);
    if (realpathSync(options.home) === realpathSync(options.sockets))
      throw new X402Error("USAGE", "state and sockets need a folder each");
    locks.push(lockFolder(options.home, "HOME_IN_USE"));
    locks.push(lockFolder(options.sockets, "SOCKET_IN_USE"));
    return await open(options, closing, closeAll);
  } catch (error) {
    await closeAll().catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

async function open(
  options: DaemonOptions,
  closing: (() => void | Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const clock = options.clock ?? Date.now;
  const log = createLog(options.log ?? (() => undefined), clock);
  closing.push(() => {
    log.flush();
  });
  const onFault = (error: X402Error): void => {
    log.flush();
    options.onFault?.(error);
  };
  const wallet = openWallet({ ...options, onFault }, clock);
  closing.push(() => {
    wallet.ledger.close();
  });
  closing.push(() => {
    wallet.lock("the signer stopped");
  });
  wallet.ledger.record("signer.started", { version: VERSION });
  const names = wallet.scopes.agents();
  const agents = new Map(names.map((name) => [name, join(options.sockets, agentSocketName(name))]));
  const operator = join(options.sockets, OPERATOR_SOCKET);
  const idleMs = options.idleMs ?? IDLE_MS;
  const roles = [...agents].map(([name, path]) => ({ path, role: agentRole(wallet, name, log), idleMs }));
  const listeners: Listener[] = [];
  closing.push(async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  });
  for (const wanted of [...roles, { path: operator, role: operatorRole(wallet, names), idleMs }]) {
    privateFolder(dirname(wanted.path));
    listeners.push(await listen(wanted));
  }
  log.event("listening", { version: VERSION, agents: names });
  return { agents, operator, close: closeAll };
}

function openWallet(options: DaemonOptions, clock: () => number): Wallet {
  // What the ledger calls back needs the wallet, which is made over the ledger.
  const made: { wallet?: Wallet } = {};
  const ledger = Ledger.open(options.home, {
    clock,
    isOver: (key, bucket, now) =>
      isOver(key, bucket, now) || made.wallet?.scopes.hasEnded(key, bucket) === true,
    onFault: (error) => {
      made.wallet?.keyring.lock();
      options.onFault?.(error);
    },
  });
  try {
    return (made.wallet = new Wallet(ledger, RAILS));
  } catch (error) {
    ledger.discard();
    throw asDamage(error);
  }
}

/** Makes a folder 0700, or throws UNSAFE_HOME for one that others can write to or that is somebody else's. */
function privateFolder(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) throw new X402Error("UNSAFE_HOME", `${folder} is not a folder`);
  if (stat.uid !== process.getuid?.())
    throw new X402Error("UNSAFE_HOME", `${folder} belongs to another user`);
  if ((stat.mode & 0o077) !== 0) throw new X402Error("UNSAFE_HOME", `${folder} is open to other users`);
  chmodSync(folder, 0o700);
}
