// Who opens thousands of connections keeps nobody out: neither users of other sockets nor other processes on his own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, connectSigner, observerCall, operatorCall } from "../../client/signer.ts";
import { OBSERVER_SOCKET } from "../../protocol/places.ts";
import { Crowd, MOST_CONNECTIONS, connectionsPerSocket } from "../../signer/sockets/crowd.ts";
import { COMMAND, SignerHome, type SignerProcess, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";

const FLOOD = fileURLToPath(new URL("flood-client.ts", import.meta.url));

class Member {
  readonly peer: { uid: number; gid: number; pid: number } | undefined;
  isIdle: boolean;
  lastActive: number;
  gone = false;

  constructor(peer: string, isIdle = true, lastActive = 0) {
    const [uid = 0, pid = 0] = peer.split(":").map(Number);
    this.peer = peer === "" ? undefined : { uid, gid: uid, pid };
    this.isIdle = isIdle;
    this.lastActive = lastActive;
  }

  destroy(): void {
    this.gone = true;
  }
}

/** A crowd of eight with these members, and one that comes: who had to go, or "nobody is let in". */
function leaving(members: Member[], comes: string): string {
  const crowd = new Crowd<Member>(members.length);
  for (const member of members) crowd.add(member);
  const { peer } = new Member(comes);
  if (!crowd.hasRoomFor(peer)) return "not let in";
  return members.flatMap((member, at) => (member.gone ? [at] : [])).join();
}

describe("when a socket is full", () => {
  const [idle, busy] = [true, false];

  it("the process that holds most gives up what has been idle longest, or its oldest", () => {
    const flood = (state: boolean) => [1, 2, 3].map((at) => new Member("1:1", state, 10 - at));
    expect(leaving([new Member("1:2"), ...flood(idle)], "1:3")).toBe("3");
    expect(leaving([new Member("1:2"), ...flood(busy)], "1:3")).toBe("1");
  });

  it("of its own it gets in for one that is idle, and not for one that is busy or somebody else's", () => {
    expect(leaving([new Member("1:2"), new Member("1:1"), new Member("1:1", busy)], "1:1")).toBe("1");
    expect(leaving([new Member("1:2"), new Member("1:1", busy), new Member("1:1", busy)], "1:1")).toBe(
      "not let in",
    );
  });

  it("nobody leaves for a process that holds more already, also when two of them hold about as much", () => {
    const floods = ["1:1", "1:1", "1:1", "1:3", "1:3", "1:3"].map((peer) => new Member(peer, busy));
    expect(leaving([new Member("1:2"), ...floods], "1:1")).toBe("not let in");
  });

  it("a user of many processes makes room for another user, not for one more of them", () => {
    const many = [1, 2, 3, 4].map((pid) => new Member(`1:${pid}`, busy));
    expect(leaving(many, "2:9")).toBe("0");
    expect(leaving(many, "1:9")).toBe("not let in");
    expect(leaving([...many, new Member("2:9", busy)], "2:9")).toBe("0");
  });

  it("where nobody says who calls, all are one process", () => {
    expect(leaving([new Member("", busy), new Member("", idle)], "")).toBe("1");
    expect(leaving([new Member("", busy), new Member("", busy)], "")).toBe("not let in");
  });

  it("a socket has its part of the descriptors", () => {
    expect(connectionsPerSocket(4)).toBeLessThanOrEqual(MOST_CONNECTIONS);
    expect(connectionsPerSocket(100_000)).toBe(64);
  });
});

describe("a process that floods a socket", () => {
  let home: SignerHome;
  let signer: SignerProcess;
  const floods: ReturnType<typeof spawn>[] = [];

  beforeEach(async () => {
    home = await SignerHome.make();
    const first = await home.start();
    await first.unlock();
    await first.apply(document({ agents: { research: {} } }));
    await first.close();
    signer = await home.spawn({ entry: COMMAND, args: ["--quiet"] });
    await signer.unlock();
  });
  afterEach(async () => {
    for (const flood of floods.splice(0)) flood.kill("SIGKILL");
    signer.disconnect();
    await signer.kill("SIGKILL");
    home.remove();
  });

  async function flood(count: number, kind: "half" | "busy", agent = "research"): Promise<void> {
    const args = [FLOOD, signer.socketOf(agent), String(count), kind];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    floods.push(child);
    await once(child.stdout, "data");
  }

  async function payOn(agent: string, name: string): Promise<string> {
    const connection = await connectSigner(signer.socketOf(agent));
    const outcome = await outcomeOf(agentCall(connection, "payment.sign", { intent: intent(name) }));
    connection.close();
    return outcome;
  }

  it("with half lines on ten thousand connections keeps off nobody, here or on another socket", async () => {
    await flood(10_000, "half");
    for (let i = 0; i < 20; i++) {
      expect(await payOn("default", `other-${i}`)).toBe("signed");
      expect(await payOn("research", `same-${i}`)).toBe("signed");
    }
    const observer = await connectSigner(join(home.sockets, OBSERVER_SOCKET));
    const { connections, rss } = await observerCall(observer, "metrics.get", {});
    expect(connections["agents/research.sock"]?.open).toBeLessThanOrEqual(MOST_CONNECTIONS);
    expect(rss).toBeLessThan(300e6);
    observer.close();
    expect((await operatorCall(signer.operator, "vault.lock", {})).state).toBe("locked");
  });

  it("with requests on every connection that it gets keeps off nobody", async () => {
    await flood(1200, "busy");
    for (let i = 0; i < 5; i++) {
      expect(await payOn("default", `other-${i}`)).toBe("signed");
      expect(await payOn("research", `same-${i}`)).toBe("signed");
    }
    expect((await operatorCall(signer.operator, "vault.lock", {})).state).toBe("locked");
  });
});
