// The signer's parts, wired: locks, ledger, wallet, sockets. main.ts starts it as a process; tests start it too.
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isOver } from "../policy/counters.ts";
import { type Code, X402Error } from "../protocol/errors.ts";
import {
  DESK_SOCKET,
  OBSERVER_SOCKET,
  OPERATOR_SOCKET,
  agentOfSocket,
  agentSocketName,
} from "../protocol/places.ts";
import { VERSION } from "../protocol/version.ts";
import { admissionOf } from "./admission.ts";
import { unlockUnattended } from "./credential.ts";
import { bookedFor } from "./decide.ts";
import { Feed } from "./feed.ts";
import { Journal } from "./journal.ts";
import type { Boot } from "./ledger/clock.ts";
import { asDamage } from "./ledger/database.ts";
import { Ledger } from "./ledger/ledger.ts";
import { type FolderLock, lockFolder } from "./ledger/lock.ts";
import { type Log, createLog } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { privateFolder } from "./private-folder.ts";
import { loadRails } from "./rails.ts";
import { rolesOf, socketNames } from "./roles.ts";
import { connectionsPerSocket } from "./sockets/crowd.ts";
import { type Listener, listen } from "./sockets/listen.ts";
import type { Peer, Role } from "./sockets/role.ts";
import { type Protections, Wallet } from "./wallet.ts";

export interface DaemonOptions {
  /** State: ledger.db, head, lock. Made 0700 when missing. */
  readonly home: string;
  /** Where the sockets go. Made 0700 when missing. */
  readonly sockets: string;
  /** Unix milliseconds. */
  readonly clock?: () => number;
  readonly log?: (lines: string) => void;
  /** Lines that `log` could not keep, for the metrics. */
  readonly droppedLogLines?: () => number;
  /** A connection that finishes no line for so long, and waits for nothing, is closed. */
  readonly idleMs?: number;
  /** After a failed write: nothing more is signed, and the process has to end. */
  readonly onFault?: (error: X402Error) => void;
  /** Asks the kernel who is at the other end of a socket (SO_PEERCRED); absent where it cannot be asked. */
  readonly peerOf?: ((fd: number) => Peer) | undefined;
  /** Users that may call a role, by uid, beside root. */
  readonly allow?: { operator?: readonly number[]; desk?: readonly number[]; observer?: readonly number[] };
  /** Sockets that somebody else has opened for us: name as in protocol/places.ts -> descriptor. No others are made. */
  readonly inherited?: ReadonlyMap<string, number>;
  /** A file with what unlocks the signer without a person: x402-vault credential writes it. */
  readonly credential?: string;
  /** What this process has given up and shut, for status. */
  readonly protections?: () => Protections;
  /** Called when all sockets listen, the rails are loaded and the database is open: gives up every right but those. */
  readonly seal?: () => void;
  /** Seconds since the machine started. A clock that is given is its own uptime unless this is, too. */
  readonly uptime?: () => number;
  /** Which run of the machine a given clock belongs to. */
  readonly boot?: string;
  /** Bytes that may still be written in the state folder. */
  readonly freeBytes?: () => number;
}

export interface Daemon {
  /** Paths of the agents' sockets, by name. */
  readonly agents: ReadonlyMap<string, string>;
  readonly operator: string;
  readonly desk: string;
  readonly observer: string;
  /** A credential has unlocked it. */
  readonly unlocked: boolean;
  /** What it found at the start and signs nothing for. */
  readonly frozenBy?: Code | undefined;
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
    locks.push(lockFolder(options.home, "HOME_IN_USE"));
    if (!options.inherited) locks.push(lockSockets(options));
    return await open(options, closing, closeAll);
  } catch (error) {
    await closeAll().catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

function lockSockets({ home, sockets }: DaemonOptions): FolderLock {
  privateFolder(sockets);
  if (realpathSync(home) === realpathSync(sockets))
    throw new X402Error("USAGE", "state and sockets need a folder each");
  return lockFolder(sockets, "SOCKET_IN_USE");
}

async function open(
  options: DaemonOptions,
  closing: (() => void | Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const clock = options.clock ?? Date.now;
  const watchers = watchersOf(options, clock);
  const { log, journal } = watchers;
  closing.push(() => {
    log.flush();
  });
  const onFault = (error: X402Error): void => {
    log.flush();
    options.onFault?.(error);
  };
  const wallet = openWallet({ ...options, onFault }, clock, watchers);
  closing.push(() => {
    wallet.ledger.close();
  });
  closing.push(() => {
    wallet.stop();
  });
  wallet.useRails(await loadRails(wallet.scopes.policy));
  if (wallet.ledger.finding) log.event("frozen", { code: wallet.ledger.finding.error.code });
  else wallet.ledger.record("signer.started", { version: VERSION });
  const sockets = options.inherited ? [...options.inherited.keys()] : socketNames(wallet.scopes.agents());
  const uidOf = (agent: string): number | undefined => wallet.scopes.policy?.document.agents?.[agent]?.uid;
  const around = { journal, watched: watchers, admissionOf: admissionOf(options, uidOf) };
  closing.push(await listenAll(options, rolesOf(wallet, sockets, around), journal));
  closing.push(() => {
    wallet.ledger.holds.dismiss();
  });
  unlockAtStart(wallet, options, log);
  options.seal?.();
  const agents = sockets.flatMap((socket) => agentOfSocket(socket) ?? []);
  log.event("listening", { version: VERSION, agents });
  return { ...pathsOf(options, agents), ...stateOf(wallet), close: closeAll };
}

/** A credential that cannot be used is no reason not to start: the signer is locked then, and says why. */
function unlockAtStart(wallet: Wallet, { credential }: DaemonOptions, log: Log): void {
  if (credential === undefined) return;
  try {
    unlockUnattended(wallet, credential);
  } catch (error) {
    if (!(error instanceof X402Error)) throw error;
    log.event("credential.refused", { code: error.code });
  }
}

function watchersOf(options: DaemonOptions, clock: () => number) {
  const log = createLog(options.log ?? (() => undefined), clock);
  const counts = new Metrics();
  const feed = new Feed();
  const metrics = () => ({
    at: new Date(clock()).toISOString(),
    ...counts.snapshot(),
    subscribers: feed.subscribers,
    droppedLogLines: options.droppedLogLines?.() ?? 0,
  });
  return { log, counts, feed, metrics, journal: new Journal({ log, metrics: counts, feed, clock }) };
}

const stateOf = ({ keyring, ledger }: Wallet): Pick<Daemon, "unlocked" | "frozenBy"> => ({
  unlocked: keyring.unlocked,
  frozenBy: ledger.finding?.error.code,
});

function pathsOf(
  { sockets }: DaemonOptions,
  agents: readonly string[],
): Omit<Daemon, "close" | "unlocked" | "frozenBy"> {
  const pathOf = (name: string): string => join(sockets, name);
  return {
    agents: new Map(agents.map((name) => [name, pathOf(agentSocketName(name))])),
    operator: pathOf(OPERATOR_SOCKET),
    desk: pathOf(DESK_SOCKET),
    observer: pathOf(OBSERVER_SOCKET),
  };
}

/** Opens every role's socket, or none. Returns what closes them. */
async function listenAll(
  { sockets, inherited, idleMs = IDLE_MS, peerOf }: DaemonOptions,
  roles: ReadonlyMap<string, Role>,
  journal: Journal,
): Promise<() => Promise<void>> {
  const listeners: Listener[] = [];
  const closeListeners = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const maxConnections = connectionsPerSocket(roles.size);
  try {
    for (const [name, role] of roles) {
      const fd = inherited?.get(name);
      const path = join(sockets, name);
      if (fd === undefined) privateFolder(dirname(path));
      const on = fd === undefined ? { path } : { fd };
      const watch = journal.watch(name);
      listeners.push(await listen({ on, role, idleMs, peerOf, maxConnections, watch }));
    }
  } catch (error) {
    await closeListeners();
    throw error;
  }
  return closeListeners;
}

function openWallet(
  options: DaemonOptions,
  clock: () => number,
  watchers: ReturnType<typeof watchersOf>,
  distrust?: X402Error,
): Wallet {
  const { journal, counts } = watchers;
  // What the ledger calls back needs the wallet, which is made over the ledger.
  const made: { wallet?: Wallet } = {};
  const ledger = Ledger.open(options.home, {
    clock,
    distrust,
    boot: bootOf(options),
    freeBytes: options.freeBytes,
    isOver: (key, bucket, now) =>
      isOver(key, bucket, now) || made.wallet?.scopes.hasEnded(key, bucket, now) === true,
    bookedFor: (hold) => (made.wallet ? bookedFor(made.wallet, hold) : hold.booked),
    attest: (payload) => made.wallet?.keyring.attest("x402-checkpoint", payload),
    onRecord: (kind, fields) => {
      journal.recorded(kind, fields);
    },
    onCommit: (payments, ms) => {
      counts.commit(payments, ms);
    },
    onFault: (error) => {
      made.wallet?.keyring.lock();
      options.onFault?.(error);
    },
  });
  try {
    return (made.wallet = new Wallet(ledger, options.protections));
  } catch (error) {
    ledger.discard();
    const damage = asDamage(error);
    if (distrust || damage.code !== "LEDGER_DAMAGED") throw damage;
    // Rows before the last checkpoint are read here for the first time: what is wrong with them can be accepted, too.
    return openWallet(options, clock, watchers, damage);
  }
}

/** Undefined for the machine's own. */
function bootOf({ clock, uptime, boot = "given" }: DaemonOptions): Boot | undefined {
  if (!clock && !uptime) return undefined;
  return { id: boot, uptime: uptime ?? ((): number => (clock ?? Date.now)() / 1000) };
}
