// Who may call what: by users that are real, and by what the kernel says of them where they are not.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { agentCall, connectSigner, observerCall, operatorCall } from "../../client/signer.ts";
import { AGENT_METHODS, DESK_METHODS, OBSERVER_METHODS, OPERATOR_METHODS } from "../../protocol/methods.ts";
import { OBSERVER_SOCKET } from "../../protocol/places.ts";
import {
  BY_GROUP,
  FOR_ALL,
  type Probe,
  Service,
  USERS,
  type User,
  as,
  isRoot,
} from "../counterparts/service.ts";
import { Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { Secret } from "../../vault/secret.ts";
import { create } from "../../vault/vault.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";
import { RawClient } from "./raw-client.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const ROLES = {
  operator: { socket: "operator.sock", methods: OPERATOR_METHODS },
  agent: { socket: "agent.sock", methods: AGENT_METHODS },
  research: { socket: "agents/research.sock", methods: AGENT_METHODS },
  desk: { socket: "desk.sock", methods: DESK_METHODS },
  observer: { socket: "observer.sock", methods: OBSERVER_METHODS },
} as const;
type Caller = keyof typeof ROLES;
const CALLERS = Object.keys(ROLES) as Caller[];

describe("in personal mode", () => {
  async function signerFor(uid: number, list?: number[]) {
    const home = await SignerHome.make();
    closing.push(() => {
      home.remove();
    });
    const peer = { uid, gid: uid, pid: process.pid };
    let log = "";
    const signer = await home.start({
      peerOf: () => peer,
      log: (lines) => (log += lines),
      ...(list && { allow: { observer: list } }),
    });
    closing.push(() => signer.close());
    return { home, signer, log: () => log };
  }
  const own = process.getuid?.() ?? 0;
  const code = async (path: string): Promise<string> => {
    const client = await RawClient.connect(path);
    client.send(1, "signer.status", {});
    const reply = await client.reply();
    client.close();
    return reply.error?.data.code ?? "ok";
  };

  it("a socket is for the signer's own user and root, whatever its mode", async () => {
    const { home } = await signerFor(own);
    expect(await code(join(home.sockets, "observer.sock"))).toBe("ok");
    const other = await signerFor(own + 77);
    for (const { socket } of Object.values(ROLES).filter(({ socket }) => !socket.includes("research")))
      expect(await code(join(other.home.sockets, socket))).toBe("CALLER_NOT_ALLOWED");
    expect((await signerFor(0)).log()).not.toContain("refused");
  });

  it("a list takes the place of that", async () => {
    const { home, log } = await signerFor(own + 77, [own + 77]);
    expect(await code(join(home.sockets, "observer.sock"))).toBe("ok");
    expect(await code(join(home.sockets, "desk.sock"))).toBe("CALLER_NOT_ALLOWED");
    const other = await signerFor(own + 78, [own + 77]);
    expect(await code(join(other.home.sockets, "observer.sock"))).toBe("CALLER_NOT_ALLOWED");
    expect(log()).toContain(`"event":"refused","socket":"desk.sock","peer":{"uid":${own + 77}`);
  });

  it("a refusal is counted each time and logged once a minute", async () => {
    const { home, log } = await signerFor(own + 77, [own + 77]);
    for (let i = 0; i < 50; i++) await code(join(home.sockets, "agent.sock"));
    const observer = await connectSigner(join(home.sockets, OBSERVER_SOCKET));
    const { connections } = await observerCall(observer, "metrics.get", {});
    observer.close();
    // The harness's own operator was refused, too.
    expect([connections["agent.sock"], connections["operator.sock"]?.refused]).toEqual([
      { open: 0, refused: 50, crowded: 0 },
      1,
    ]);
    expect(log().match(/"socket":"agent.sock"/g)).toHaveLength(1);
  });

  it("a list that cannot be enforced ends the start; without one, file modes do", async () => {
    const home = await SignerHome.make();
    closing.push(() => {
      home.remove();
    });
    await expect(home.start({ allow: { desk: [1000] } })).rejects.toMatchObject({ code: "USAGE" });
    const signer = await home.start();
    closing.push(() => signer.close());
    expect((await signer.status()).sameUid).toBe(true);
    await signer.unlock();
    // A list of the policy's that cannot be enforced admits nobody, and the operator can take it back.
    await signer.apply(document({ agents: { default: { uid: own } } }));
    expect(await code(signer.socketOf())).toBe("CALLER_NOT_ALLOWED");
    await signer.apply(document());
    expect(await code(signer.socketOf())).toBe("ok");
  });

  it("a policy that gives an agent to another user ends the connections of the last one", async () => {
    const { signer } = await signerFor(own);
    await signer.unlock();
    await signer.apply(document());
    expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
    await signer.apply(document({ agents: { default: { uid: own + 77 } } }));
    const expected = own === 0 ? "signed" : "CALLER_NOT_ALLOWED"; // root is kept out of nothing
    expect(await outcomeOf(signer.sign(intent(2)))).toBe(expected);
    expect(await code(signer.socketOf())).toBe(own === 0 ? "ok" : "CALLER_NOT_ALLOWED");
  });

  it("every role has its own methods, and none of another's", async () => {
    const { home } = await signerFor(own);
    const all = [...new Set(Object.values(ROLES).flatMap(({ methods }) => Object.keys(methods)))];
    for (const { socket, methods } of Object.values(ROLES).filter(({ socket }) => !socket.includes("/"))) {
      const client = await RawClient.connect(join(home.sockets, socket));
      for (const method of all) {
        client.send(method, method, { nonsense: true });
        const { error } = await client.reply();
        const there = method in methods;
        expect([socket, method, error?.data.code]).toEqual([
          socket,
          method,
          there ? "INVALID_REQUEST" : "METHOD_NOT_FOUND",
        ]);
      }
      client.close();
    }
  });
});

describe.skipIf(!isRoot)("as a service, with a user for each role", () => {
  const serviceFor = async (sockets: typeof BY_GROUP, args: string[] = []) => {
    const service = new Service();
    closing.push(() => {
      service.remove();
    });
    const child = await service.start(sockets, args);
    return { service, child };
  };
  const statusProbes = (service: Service): Probe[] =>
    CALLERS.map((caller) => ({
      socket: service.socket(ROLES[caller].socket),
      method: caller === "desk" ? "agent.freeze" : "signer.status",
    }));

  it("each reaches its own socket by mode and group, and none of the others", async () => {
    const { service } = await serviceFor(BY_GROUP);
    for (const user of [...CALLERS, "stranger", "signer"] as User[]) {
      const expected = CALLERS.map((caller) => (caller === user ? "ok" : "EACCES"));
      expect([user, await service.probe(user, statusProbes(service))]).toEqual([user, expected]);
    }
  });

  it("each reaches its own socket by the kernel's word, when the modes let everybody in", async () => {
    const lists = ["operator", "desk", "observer"] as const;
    const args = lists.flatMap((role) => [`--${role}-uid`, String(USERS[role])]);
    const { service } = await serviceFor(FOR_ALL, args);
    const operator = await connectSigner(service.socket("operator.sock"));
    closing.push(() => {
      operator.close();
    });
    const agents = { default: { uid: USERS.agent }, research: { uid: USERS.research } };
    await operatorCall(operator, "policy.apply", { document: document({ agents }), base: "" });
    for (const user of [...CALLERS, "stranger", "signer"] as User[]) {
      const expected = CALLERS.map((caller) => (caller === user ? "ok" : "CALLER_NOT_ALLOWED"));
      expect([user, await service.probe(user, statusProbes(service))]).toEqual([user, expected]);
    }
    expect(service.output).toContain(`"event":"refused","socket":"operator.sock","peer":{"pid":`);
  });

  it("nobody reads the signer's files or memory, writes to its folders, or attaches to it", async () => {
    const { service, child } = await serviceFor(BY_GROUP);
    const state = join(service.homeOf("signer"), "state");
    const reach: Probe[] = [
      { read: state },
      { read: join(state, "ledger.db") },
      { read: join(state, "head") },
      { write: join(state, "ledger.db") },
      { write: service.socket("new.sock") },
      { read: `/proc/${child.pid}/mem` },
      { read: `/proc/${child.pid}/environ` },
      { read: `/proc/${child.pid}/fd` },
      { trace: child.pid! },
    ];
    for (const user of [...CALLERS, "stranger"] as User[]) {
      const got = await service.probe(user, reach);
      expect([user, got]).toEqual([user, [...Array<string>(8).fill("EACCES"), "EPERM"]]);
    }
  });

  it("rows and status say who called", async () => {
    const { service } = await serviceFor(BY_GROUP);
    const operator = await connectSigner(service.socket("operator.sock"));
    closing.push(() => {
      operator.close();
    });
    await operatorCall(operator, "policy.apply", { document: document(), base: "" });
    const sign: Probe = {
      socket: service.socket("agent.sock"),
      method: "session.open",
      params: { policy: {} },
    };
    expect(await service.probe("agent", [sign])).toEqual(["ok"]);
    expect(
      await service.probe("desk", [{ socket: service.socket("desk.sock"), method: "agent.freeze" }]),
    ).toEqual(["ok"]);
    const { rows } = await LedgerRecord.read(operator);
    const who = rows.flatMap(({ kind, peer }) => (peer ? [[kind, (peer as { uid: number }).uid]] : []));
    expect(who).toEqual([
      ["policy.applied", 0],
      ["session.opened", USERS.agent],
      ["agent.frozen", USERS.desk],
    ]);
    expect((await operatorCall(operator, "signer.status", {})).sameUid).toBe(false);
  });

  it("a socket for an agent that the policy does not name passes nothing", async () => {
    const { service } = await serviceFor(BY_GROUP);
    const operator = await connectSigner(service.socket("operator.sock"));
    closing.push(() => {
      operator.close();
    });
    const home = await SignerHome.make();
    closing.push(() => {
      home.remove();
    });
    const signer = new Signer(home, { close: () => Promise.resolve() }, operator);
    await signer.unlock();
    expect((await signer.apply(document())).restartFor).toEqual([]);
    const research = await connectSigner(service.socket("agents/research.sock"));
    closing.push(() => {
      research.close();
    });
    const pay = () => outcomeOf(agentCall(research, "payment.sign", { intent: intent(1) }));
    expect(await pay()).toBe("SIGNER_FROZEN");
    await signer.apply(document({ agents: { research: {} } }));
    expect(await pay()).toBe("signed");
  });
});

describe.skipIf(!isRoot)("a person in the operators' group", () => {
  const COMMANDS = {
    vault: fileURLToPath(new URL("../../bin/x402-vault.ts", import.meta.url)),
    policy: fileURLToPath(new URL("../../bin/x402-policy.ts", import.meta.url)),
  };
  const PASSPHRASE = "correct horse battery staple";

  /** As the operator's user, where the service has its name and its usual place. */
  async function run(
    service: Service,
    command: keyof typeof COMMANDS,
    args: readonly string[],
    passwd = `x402-signer:x:${USERS.signer}:${USERS.signer}::/:/bin/false\n`,
  ) {
    const users = join(service.folder, "passwd");
    writeFileSync(users, readFileSync("/etc/passwd", "utf8") + passwd);
    const script =
      'mount --bind "$0" /etc/passwd && mount -t tmpfs tmpfs /run && mkdir /run/x402 && ' +
      'mount --bind "$1" /run/x402 && shift && exec "$@"';
    const own = as("operator", [process.execPath, COMMANDS[command], ...args]);
    const child = spawn("unshare", ["-m", "sh", "-c", script, users, join(service.folder, "run"), ...own], {
      env: { PATH: process.env["PATH"], HOME: service.homeOf("operator") },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.end(`${PASSPHRASE}\n`);
    const [status] = (await once(child, "close")) as [number];
    return { status, stdout, stderr };
  }

  async function makeVault(service: Service): Promise<void> {
    const home = join(service.homeOf("operator"), ".x402");
    mkdirSync(home, { mode: 0o700 });
    const file = join(home, "vault.enc");
    using passphrase = Secret.take(Buffer.from(PASSPHRASE));
    using key = Secret.random(32);
    const made = join(service.folder, "made", "vault.enc"); // no folder of another user's is fit for one of ours
    mkdirSync(join(service.folder, "made"), { mode: 0o700 });
    (await create(made, passphrase, { wallet: { key }, cost: LOWEST_COST })).close();
    renameSync(made, file);
    for (const path of [home, file]) chownSync(path, USERS.operator, USERS.operator);
  }

  async function serviceWithVault(): Promise<Service> {
    const service = new Service();
    closing.push(() => {
      service.remove();
    });
    await service.start(BY_GROUP);
    await makeVault(service);
    return service;
  }

  it("unlocks the service and sets its policy, and an agent pays", async () => {
    const service = await serviceWithVault();
    const unlocked = await run(service, "vault", ["unlock", "--passphrase-file", "-"]);
    expect([unlocked.stderr.includes("The signer is unlocked"), unlocked.status]).toEqual([true, 0]);
    expect(unlocked.stderr).not.toContain("your own user");
    const rules = join(service.homeOf("operator"), "rules.json");
    writeFileSync(rules, JSON.stringify(document()), { mode: 0o644 });
    chownSync(rules, USERS.operator, USERS.operator);
    const applied = await run(service, "policy", ["apply", rules, "--yes"]);
    expect([applied.stderr, applied.status]).toEqual([expect.any(String), 0]);
    const sign: Probe = {
      socket: service.socket("agent.sock"),
      method: "payment.sign",
      params: { intent: intent(1) },
    };
    expect(await service.probe("agent", [sign])).toEqual(["signed"]);
    expect((await run(service, "vault", ["lock"])).status).toBe(0);
    const shown = await run(service, "vault", ["status"]);
    expect(shown.stdout).toContain("The signer is locked.");
  });

  it("sends nothing where another user listens, or where the path is not root's all the way", async () => {
    const service = await serviceWithVault();
    const other = await run(service, "vault", ["unlock", "--passphrase-file", "-"], "");
    expect([other.status, other.stderr.includes(`user ${USERS.signer} listens on /run/x402`)]).toEqual([
      2,
      true,
    ]);
    chownSync(join(service.folder, "run"), USERS.operator, USERS.operator);
    const moved = await run(service, "vault", ["status"]);
    expect([moved.status, moved.stderr.includes("/run/x402 is not")]).toEqual([2, true]);
  });
});

it.skipIf(!isRoot)("systemd's own socket activation is what the signer understands", async () => {
  const service = new Service();
  closing.push(() => {
    service.remove();
  });
  const [agent, operator] = [service.socket("agent.sock"), service.socket("operator.sock")];
  const args = ["-l", agent, "-l", operator, "--fdname=agent.sock:operator.sock"];
  const home = join(service.folder, "root-state");
  const child = spawn("systemd-socket-activate", [
    ...args,
    process.execPath,
    fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url)),
    ...["--home", home],
  ]);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  closing.push(() => {
    child.kill("SIGKILL");
  });
  while (!said.includes(`Listening on ${operator}`)) await once(child.stderr, "data");
  // The first caller starts it, and is served.
  const connection = await connectSigner(operator);
  expect((await operatorCall(connection, "signer.status", {})).protections["no-new-sockets"]).toBe("on");
  connection.close();
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  // They are not ours to remove.
  await new Promise((resolve) => execFile("test", ["-S", agent, "-a", "-S", operator], resolve)).then(
    (error) => {
      expect(error).toBeNull();
    },
  );
});
