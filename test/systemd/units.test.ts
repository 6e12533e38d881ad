// The units: what systemd's own tools say of them, and whether they fit what the signer does.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { connectSigner } from "../../client/signer.ts";
import { SERVICE_RUN, SERVICE_USER, agentOfSocket, isSocketName } from "../../protocol/places.ts";
import { BY_GROUP, Service, isRoot } from "../counterparts/service.ts";
import { Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "../signer/intents.ts";
import { ROOT } from "../sources.ts";

const UNITS = join(ROOT, "systemd", "system");
const INSTALLED = "/opt/x402-signer";

const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;
const missing = ["systemd-analyze", "systemd-sysusers", "systemd-tmpfiles", "strace"].filter(
  (tool) => !has(tool),
);
if (missing.length > 0) console.warn(`SKIPPED: tests of systemd/ that need ${missing.join(", ")}`);

const folders: string[] = [];
function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "x402-units-"));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Every value of a setting, in order. */
const settings = (file: string, name: string): string[] =>
  readFileSync(join(ROOT, "systemd", file), "utf8")
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

const sockets = readdirSync(UNITS).filter((name) => name.endsWith(".socket"));

describe("the socket units", () => {
  it("are one for each role, named as the signer expects, with a group that may open it and nobody else", () => {
    const names = sockets.flatMap((unit) => settings(`system/${unit}`, "FileDescriptorName"));
    expect(names.sort()).toEqual(
      ["agent.sock", "agents/%i.sock", "desk.sock", "observer.sock", "operator.sock"].sort(),
    );
    for (const unit of sockets) {
      const of = (name: string): string | undefined => settings(`system/${unit}`, name)[0];
      expect(of("ListenStream")).toBe(`${SERVICE_RUN}/${of("FileDescriptorName")}`);
      expect(isSocketName(of("FileDescriptorName")!.replace("%i", "research"))).toBe(true);
      expect([of("SocketUser"), of("SocketMode"), of("Service")]).toEqual([
        "root",
        "0660",
        "x402-signer.service",
      ]);
    }
    const groups = sockets.map((unit) => settings(`system/${unit}`, "SocketGroup")[0]!);
    expect(new Set(groups).size).toBe(sockets.length);
    const made = readFileSync(join(ROOT, "systemd/sysusers.d/x402-signer.conf"), "utf8");
    for (const group of groups.filter((name) => !name.includes("%"))) expect(made).toContain(`g ${group} -`);
    expect(agentOfSocket("agents/research.sock")).toBe("research");
  });
});

describe("the service unit", () => {
  const unit = join(UNITS, "x402-signer.service");

  it.skipIf(!has("systemd-analyze"))(
    "is exposed to 0.5 or less, as systemd-analyze security rates it",
    () => {
      const rated = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], {
        encoding: "utf8",
      });
      const [, exposure] = /Overall exposure level for x402-signer.service: ([0-9.]+)/.exec(rated) ?? [];
      expect(Number(exposure)).toBeLessThanOrEqual(0.5);
    },
  );

  it("keeps the network, swap, core dumps and every capability from it", () => {
    const value = (name: string): string | undefined => settings("system/x402-signer.service", name)[0];
    expect(value("PrivateNetwork")).toBe("yes");
    expect(value("RestrictAddressFamilies")).toBe("AF_UNIX");
    expect(value("MemorySwapMax")).toBe("0");
    expect(value("LimitCORE")).toBe("0");
    expect(value("CapabilityBoundingSet")).toBe("");
    expect(value("NoNewPrivileges")).toBe("yes");
    expect(value("ProtectProc")).toBe("invisible");
    expect(value("User")).toBe(SERVICE_USER);
    expect(value("ExecStart")).toContain("--require-hardened");
    // Callers would all be "nobody" in a user namespace, and V8 needs to compile.
    expect([value("PrivateUsers"), value("MemoryDenyWriteExecute")]).toEqual([undefined, undefined]);
  });
});

describe.skipIf(missing.length > 0)("systemd's tools", () => {
  it("find nothing wrong with any unit", () => {
    const folder = scratch();
    cpSync(UNITS, folder, { recursive: true });
    // As it would be installed: only that the files are there is looked at.
    const fake = join(folder, "opt");
    mkdirSync(join(fake, "bin"), { recursive: true });
    writeFileSync(join(fake, "bin", "node"), "#!/bin/sh\n", { mode: 0o755 });
    for (const name of readdirSync(folder).filter((file) => /\.(service|socket)$/.test(file))) {
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(INSTALLED, fake));
    }
    cpSync(join(folder, "x402-signer-agent@.socket"), join(folder, "x402-signer-agent@research.socket"));
    const files = readdirSync(folder)
      .filter((file) => /[^@]\.(service|socket)$/.test(file))
      .map((file) => join(folder, file));
    const said = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], { encoding: "utf8" });
    expect([said.status, said.stderr.split("\n").filter((line) => line.includes("x402"))]).toEqual([0, []]);
  });

  it.skipIf(!isRoot)("make the users, groups and folders", () => {
    const root = scratch();
    for (const kind of ["sysusers.d", "tmpfiles.d"])
      cpSync(join(ROOT, "systemd", kind), join(root, "usr/lib", kind), { recursive: true });
    mkdirSync(join(root, "etc"));
    execFileSync("systemd-sysusers", [`--root=${root}`], { stdio: "ignore" });
    execFileSync("systemd-tmpfiles", ["--create", `--root=${root}`, "x402-signer.conf"]);
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).toMatch(/^x402-signer:x:\d+:\d+:.*nologin$/m);
    const groups = readFileSync(join(root, "etc/group"), "utf8");
    for (const group of ["operators", "desk", "observers", "agents"])
      expect(groups).toContain(`x402-${group}:`);
    for (const folder of ["run/x402", "run/x402/agents"]) {
      const { uid, mode } = statSync(join(root, folder));
      expect([uid, mode & 0o777]).toEqual([0, 0o755]);
    }
  });

  const expand = (set: string): string[] =>
    execFileSync("systemd-analyze", ["syscall-filter", set], { encoding: "utf8" })
      .split("\n")
      .slice(1)
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"))
      .flatMap((name) => (name.startsWith("@") ? expand(name) : [name]));

  it.skipIf(!isRoot)(
    "would let through every system call of a signer that starts, pays and stops",
    async () => {
      const filters = settings("system/x402-signer.service", "SystemCallFilter");
      const named = (filter: string): string[] => filter.replace("~", "").split(" ").flatMap(expand);
      const denied = new Set(filters.filter((filter) => filter.startsWith("~")).flatMap(named));
      const allowed = new Set(
        filters
          .filter((filter) => !filter.startsWith("~"))
          .flatMap(named)
          .filter((call) => !denied.has(call)),
      );
      // What systemd always lets through, for the start of the process itself.
      for (const call of expand("@default")) allowed.add(call);
      const calls = await callsOfASigner();
      expect(calls.length).toBeGreaterThan(50);
      expect(calls.filter((call) => !allowed.has(call))).toEqual([]);
    },
  );
});

it.skipIf(!isRoot)("what the unit gives is what --require-hardened asks for", async () => {
  const service = new Service();
  try {
    // PrivateNetwork=, ProtectSystem=strict with StateDirectory=, MemorySwapMax= where there is swap.
    const state = service.homeOf("signer");
    const mounts = `mount --bind '${state}' '${state}' && mount -o remount,bind,ro / && exec "$@"`;
    const around = ["unshare", "-mn", "sh", "-c", mounts, "sh"];
    const child = await service.start(BY_GROUP, ["--require-hardened"], { around });
    expect(await service.stop(child)).toBe(0);
  } finally {
    service.remove();
  }
});

/** Names of the system calls, as strace(1) sees them. */
async function callsOfASigner(): Promise<string[]> {
  const service = new Service();
  const home = await SignerHome.make();
  try {
    const trace = join(service.homeOf("signer"), "trace");
    const child = await service.start(BY_GROUP, [], {
      under: ["strace", "-D", "-f", "-qq", "-o", trace],
    });
    const operator = await connectSigner(service.socket("operator.sock"));
    const agent = await connectSigner(service.socket("agent.sock"));
    const signer = new Signer(home, { close: () => Promise.resolve() }, operator);
    await signer.unlock();
    await signer.apply(document());
    for (let i = 0; i < 20; i++)
      expect(await outcomeOf(agent.call("payment.sign", { intent: intent(i) }) as never)).toBe("signed");
    await signer.lock();
    for (const connection of [agent, operator]) connection.close();
    expect(await service.stop(child)).toBe(0);
    const lines = readFileSync(trace, "utf8").matchAll(/^\d+ +([a-z0-9_]+)\(/gm);
    return [...new Set([...lines].map(([, name = ""]) => name))];
  } finally {
    home.remove();
    service.remove();
  }
}
