// The signer's process as others find it: a program of its own user, an environment that would load code into it, flags
// that open it, and a human who asks what holds.
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryOf } from "../../protocol/errors.ts";
import { cleanEnvironment } from "../../signer/harden/environment.ts";
import { MAIN, signerFlags } from "../../signer/harden/flags.ts";
import { peerCredentials } from "../../signer/harden/peer.ts";
import { PROTECTIONS } from "../../signer/harden/protections.ts";
import { COMMAND, type SignerProcess, SignerHome, StartFailed, outcomeOf } from "../counterparts/signer.ts";
import { ROOT } from "../sources.ts";
import { codeOf } from "../vault/code.ts";
import { ALONE, IS_ROOT, asUser, homeOfItsOwn } from "./harden-user.ts";
import { document, intent } from "./intents.ts";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "x402 harden, ")));
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs node to the end, as a user. */
function run(
  args: readonly string[],
  { uid, env = {} }: { uid?: number; env?: NodeJS.ProcessEnv } = {},
): SpawnSyncReturns<string> {
  const [command = "", ...more] = [...(uid === undefined ? [] : asUser(uid)), process.execPath, ...args];
  return spawnSync(command, more, {
    encoding: "utf8",
    env: { ...cleanEnvironment(process.env), ...env },
    cwd: "/",
  });
}

const argumentsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");

describe("a program of the signer's own user", () => {
  /** Tries to get at the memory of the process that it is told; says what came of it. */
  const SPY = `
    import { openSync, readFileSync } from "node:fs";
    const { dlopen } = process.getBuiltinModule("node:ffi");
    const { functions: { ptrace } } = dlopen(null, { ptrace: { return: "i64", arguments: ["i64", "i64", "i64", "i64"] } });
    const pid = Number(process.argv[2]);
    const tried = (act) => { try { return act() } catch ({ code }) { return code } };
    console.log(JSON.stringify({
      mem: tried(() => openSync("/proc/" + pid + "/mem") && "open"),
      environ: tried(() => readFileSync("/proc/" + pid + "/environ") && "open"),
      attach: tried(() => ptrace(16n, BigInt(pid), 0n, 0n) === 0n ? "open" : "refused"),
    }));`;
  let home: SignerHome;
  let signer: SignerProcess;
  const spy = join(scratch, "spy.mjs");

  beforeAll(async () => {
    writeFileSync(spy, SPY);
    spawnSync("chmod", ["755", scratch]);
    home = await homeOfItsOwn();
    signer = await home.spawn({ under: asUser(ALONE) });
  });
  afterAll(() => {
    home.remove();
  });

  const spyOn = (pid: number): unknown => {
    const { stdout, stderr } = run(["--disable-warning=ExperimentalWarning", spy, String(pid)], {
      uid: ALONE,
    });
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  };

  if (!IS_ROOT)
    console.warn("SKIPPED: whether any process can be looked into here is not known without root");
  it("cannot read its memory nor attach to it, although it can to another's", async () => {
    const [command, ...args] = [
      ...asUser(ALONE),
      process.execPath,
      "-e",
      "setInterval(() => 0, 1000); console.log()",
    ];
    const other = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    await once(other.stdout, "data");
    const open = { mem: "open", environ: "open", attach: "open" };
    if (IS_ROOT) expect(spyOn(other.pid!)).toEqual(open);
    other.kill("SIGKILL");
    expect(spyOn(signer.pid)).toEqual({ mem: "EACCES", environ: "EACCES", attach: "refused" });
  });

  it("cannot start its inspector by SIGUSR1, and does not end it so", async () => {
    const caught = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${signer.pid}/status`, "utf8"))?.[1];
    expect(BigInt(`0x${caught!}`) & (1n << 9n)).toBe(0n);
    process.kill(signer.pid, "SIGUSR1");
    expect(await signer.status()).toMatchObject({ state: "locked" });
    expect(await signer.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(signer.output).not.toContain("Debugger");
    signer.disconnect();
  });
});

describe("the command", () => {
  it("starts itself once more in place, with its own flags and variables only", async () => {
    const home = await SignerHome.make();
    const trap = join(scratch, "trap.cjs");
    writeFileSync(
      trap,
      `require("node:fs").appendFileSync(${JSON.stringify(join(scratch, "trapped"))}, process.pid + "\\n");`,
    );
    const options = {
      NODE_OPTIONS: `--require="${trap}"`,
      NODE_V8_COVERAGE: scratch,
      OPENSSL_CONF: "/nonexistent",
    };
    const under = ["env", ...Object.entries(options).map(([name, value]) => `${name}=${value}`)];
    const signer = await home.spawn({ entry: COMMAND, under, args: ["--quiet"] });
    expect(argumentsOf(signer.pid).filter((text) => text.startsWith("--permission"))).toHaveLength(1);
    const environment = readFileSync(`/proc/${signer.pid}/environ`, "utf8").split("\0").filter(Boolean);
    const names = environment.map((variable) => variable.slice(0, variable.indexOf("=")));
    expect(names.filter((name) => /^(NODE|OPENSSL|LD|ICU|GCONV)_/.test(name))).toEqual([]);
    // The trap was sprung in the first image, under the same pid, and never again.
    expect(readFileSync(join(scratch, "trapped"), "utf8")).toBe(`${signer.pid}\n`);
    const { protections } = await signer.status();
    expect(protections).toMatchObject({
      "clean-start": "on",
      "own-files-only": "on",
      "peer-credentials": "on",
    });
    await signer.close();
    home.remove();
  });

  it("works in folders with spaces and commas, and names one that it cannot be kept to", async () => {
    const by = (name: string): string => join(scratch, name);
    const child = spawn(process.execPath, [COMMAND, "--home", by("s, t"), "--sockets", by("r u n")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    while (!text.includes("next:")) await once(child.stderr, "data");
    expect(text).toContain(by("r u n/agent.sock"));
    child.kill();
    expect(await once(child, "exit")).toEqual([0, null]);
    const { status, stderr } = run([COMMAND, "--home", by("st*r"), "--sockets", by("run")]);
    expect([status, stderr]).toEqual([entryOf("USAGE").exit, expect.stringContaining("has an asterisk")]);
  });

  it("grants no folder that holds the signer's own code", async () => {
    for (const home of [ROOT, dirname(ROOT), dirname(MAIN), "/"])
      expect(await codeOf(() => signerFlags({ home }))).toBe("USAGE");
    expect(signerFlags({ home: `${dirname(MAIN)}-state` })).not.toEqual([]);
  });

  it("does none of it when nothing is to be started", () => {
    expect(run([COMMAND, "--version"])).toMatchObject({ status: 0, stderr: "" });
    expect(run([COMMAND, "frobnicate"])).toMatchObject({ status: entryOf("USAGE").exit });
    const some = run(["--permission", `--allow-fs-read=${ROOT}`, MAIN]);
    expect([some.status, some.stderr]).toEqual([
      entryOf("USAGE").exit,
      expect.stringContaining("some of the"),
    ]);
  });
});

describe("doctor", () => {
  const doctor = (args: readonly string[] = [], as?: Parameters<typeof run>[1]) => {
    const entry = args.length === 0 ? COMMAND : MAIN;
    const { status, stdout, stderr } = run([...args, entry, "doctor", "--home", join(scratch, "none")], as);
    const lines = [...stdout.matchAll(/^(on|off|impossible) +(\S+) /gm)];
    return {
      status,
      stderr,
      states: Object.fromEntries(new Map(lines.map(([, state = "", name = ""]) => [name, state]))),
    };
  };

  it("tells each protection, and starts nothing", () => {
    const { status, stderr, states } = doctor();
    expect(stderr).toBe("");
    expect(Object.keys(states)).toEqual(Object.keys(PROTECTIONS));
    // This test itself is another program of this user.
    expect(states).toMatchObject({ "own-user": "off", "not-dumpable": "on", "no-eval": "on" });
    expect(status).toBe(1);
    expect(existsSync(join(scratch, "none"))).toBe(false);
  });

  it("says of a process that was opened what is open", () => {
    const flags = signerFlags({ home: join(scratch, "none"), sockets: join(scratch, "none2") });
    const more = ["--import", "data:text/javascript,"];
    expect(doctor([...flags, ...more]).states).toMatchObject({
      "clean-start": "off",
      "no-connections": "on",
    });
    expect(doctor(flags, { env: { LD_PRELOAD: "" } }).states).toMatchObject({ "clean-start": "off" });
    expect(doctor(flags).states).toMatchObject({ "clean-start": "on" });
  });

  /** As a service would run: a user, a network and a file system of its own. */
  const service = (folder: string): string[] => [
    ...["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec"],
    'mount --bind "$0" "$0"; for at in /tmp /var/tmp /dev/shm /; do mountpoint -q $at && mount -o remount,bind,ro $at; done; exec "$@"',
    folder,
    ...asUser(ALONE),
  ];
  const canBeService = IS_ROOT && spawnSync("unshare", ["--net", "--mount", "true"]).status === 0;
  if (!canBeService) console.warn("SKIPPED: no namespace of its own can be made here");
  it.skipIf(!canBeService)(
    "finds all on in a service, and --require-hardened runs there and nowhere else",
    async () => {
      const home = await homeOfItsOwn();
      const args = ["--require-hardened", "--quiet"];
      // As the unit has it: the user's home is the state folder.
      const under = [...service(home.folder), "env", `HOME=${home.state}`];
      const signer = await home.spawn({ entry: COMMAND, args, under });
      expect(new Set(Object.values((await signer.status()).protections))).toEqual(new Set(["on"]));
      expect(signer.output).not.toContain("advice");
      await signer.unlock();
      await signer.apply(document());
      expect(await outcomeOf(signer.sign(intent(1)))).toBe("signed");
      await signer.close();
      const refused = await home
        .spawn({ entry: COMMAND, args, under: asUser(ALONE) })
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(StartFailed);
      const { exit, output } = refused as StartFailed;
      expect(exit).toBe(entryOf("NOT_HARDENED").exit);
      expect(output).toContain(`x402-signer: ${entryOf("NOT_HARDENED").text}: `);
      expect(output).toContain("kernel-no-network");
      home.remove();
    },
  );
});

it("the kernel's answer about a caller is its own, and no answer is an error", async () => {
  const peerOf = peerCredentials()!;
  expect(peerOf).toBeDefined();
  expect(await codeOf(() => peerOf(-1))).toBe("INTERNAL");
  const noSocket = openSync("/dev/null", "r");
  expect(await codeOf(() => peerOf(noSocket))).toBe("INTERNAL");
  closeSync(noSocket);
});

it("an error that nobody has caught ends the process with a line that holds nothing of its text", async () => {
  const secret = "correct horse";
  const module = join(scratch, "fault.mjs");
  for (const thrown of [`new TypeError("${secret}\\n    at ${secret}")`, `"${secret}"`]) {
    for (const act of [`throw ${thrown}`, `void Promise.reject(${thrown})`]) {
      writeFileSync(module, `process.on("SIGUSR2", () => { ${act} })`);
      const home = await SignerHome.make();
      const node = [`--allow-fs-read=${module}`, "--import", pathToFileURL(module).href];
      const signer = await home.spawn({ node });
      expect(await signer.kill("SIGUSR2")).toEqual({ code: entryOf("INTERNAL").exit, signal: null });
      expect(signer.output).toContain(`x402-signer: ${entryOf("INTERNAL").text}`);
      expect(signer.output).not.toContain("horse");
      signer.disconnect();
      home.remove();
    }
  }
});
