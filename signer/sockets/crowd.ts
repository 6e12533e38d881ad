// The connections of one socket, and who has to go when there are too many.
//
// Whoever holds the most makes room: among the users that hold connections the one that holds most, and of its
// processes the one that holds most. So a process that opens thousands of connections keeps nobody else out, and a
// user that starts thousands of processes keeps no other user out; among processes of one user that act alike, nobody
// can tell. Where the kernel cannot be asked, all are one process.
import { readFileSync } from "node:fs";
import type { Peer } from "./role.ts";

export const MOST_CONNECTIONS = 1024;
const LEAST = 64;
/** Of each socket: connections that were not let in and are not closed yet. */
export const MAX_HELD = 256;
/** Descriptors for everything else: the database, its log, the listening sockets. */
const OTHERS = 128;

/**
 * Each socket has its part of the descriptors that this process may open (proc_pid_limits(5)), so that who fills one
 * takes nothing from another.
 */
export function connectionsPerSocket(sockets: number): number {
  const part = Math.floor((descriptorLimit() - OTHERS) / sockets) - MAX_HELD;
  return Math.max(LEAST, Math.min(MOST_CONNECTIONS, part));
}

/** Node raises its own limit to the hard one when it starts. */
function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return Number(soft ?? Infinity);
  } catch {
    return Infinity; // not Linux
  }
}

export interface Member {
  readonly peer: Peer | undefined;
  /** Waits for nothing from the signer. */
  readonly isIdle: boolean;
  /** Unix ms. */
  readonly lastActive: number;
  destroy(): void;
}

/** A process does not trade places with itself faster than this. */
const REST_MS = 1_000;

interface Group<M> {
  readonly uid: number | undefined;
  readonly members: Set<M>;
}

export class Crowd<M extends Member> {
  readonly #max: number;
  readonly #groups = new Map<number | undefined, Group<M>>();
  #size = 0;
  /** Connections that were not let in and are not closed yet. */
  held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** So full that others may wait to be let in. */
  get isDense(): boolean {
    return this.#size > this.#max / 2;
  }

  *[Symbol.iterator](): Generator<M> {
    for (const { members } of this.#groups.values()) yield* members;
  }

  /** True when one more of this peer may be added; another one may have been closed for it. */
  hasRoomFor(peer: Peer | undefined): boolean {
    if (this.#size < this.#max) return true;
    const leaving = this.#whoLeavesFor(peer);
    if (!leaving) return false;
    this.delete(leaving); // at once: its "close" comes after others that are accepted in this turn
    leaving.destroy();
    return true;
  }

  add(member: M): void {
    const { pid, uid } = member.peer ?? {};
    const group = this.#groups.get(pid) ?? { uid, members: new Set() };
    this.#groups.set(pid, group);
    group.members.add(member);
    this.#size += 1;
  }

  delete(member: M): void {
    const group = this.#groups.get(member.peer?.pid);
    if (!group?.members.delete(member)) return;
    this.#size -= 1;
    if (group.members.size === 0) this.#groups.delete(member.peer?.pid);
  }

  /** Even one that is busy, of those who have more than the newcomer would have; of its own only one that is not. */
  #whoLeavesFor(peer: Peer | undefined): M | undefined {
    const users = this.#users();
    const own = this.#groups.get(peer?.pid);
    const heaviest = this.#heaviest(users);
    const sameUser = heaviest?.uid === peer?.uid;
    const theirs = sameUser ? weight(heaviest) : (users.get(heaviest?.uid) ?? 0);
    const ours = sameUser ? weight(own) : (users.get(peer?.uid) ?? 0);
    if (theirs > ours + 1 && heaviest !== own) return oldestIdle(heaviest) ?? oldest(heaviest);
    const before = Date.now() - REST_MS;
    const others = this.#atLeast(weight(own), peer?.uid);
    return oldestIdle(own, before) ?? (heaviest === own ? undefined : oldestIdle(others, before));
  }

  #users(): Map<number | undefined, number> {
    const users = new Map<number | undefined, number>();
    for (const { uid, members } of this.#groups.values())
      users.set(uid, (users.get(uid) ?? 0) + members.size);
    return users;
  }

  #heaviest(users: ReadonlyMap<number | undefined, number>): Group<M> | undefined {
    const most = Math.max(...users.values());
    let heaviest: Group<M> | undefined;
    for (const group of this.#groups.values()) {
      if (users.get(group.uid) === most && weight(group) > weight(heaviest)) heaviest = group;
    }
    return heaviest;
  }

  /** The processes of a user that hold no less than this: nobody leaves for one that has more already. */
  #atLeast(size: number, uid: number | undefined): Group<M> {
    const groups = [...this.#groups.values()].filter((group) => group.uid === uid && weight(group) >= size);
    return { uid, members: new Set(groups.flatMap(({ members }) => [...members])) };
  }
}

type Members<M> = { readonly members: ReadonlySet<M> } | undefined;

const weight = (group: Members<unknown>): number => group?.members.size ?? 0;

/** A set keeps the order in which its members came. */
const oldest = <M>(group: Members<M>): M | undefined => group?.members.values().next().value;

/** `before`: and silent since (unix ms). */
function oldestIdle<M extends Member>(group: Members<M>, before = Infinity): M | undefined {
  let found: M | undefined;
  for (const member of group?.members ?? []) {
    if (member.isIdle && member.lastActive <= before && (!found || member.lastActive < found.lastActive))
      found = member;
  }
  return found;
}
