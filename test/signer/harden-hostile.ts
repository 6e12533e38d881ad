// Hostile code inside the signer: loaded first, and told by SIGUSR2, when the signer is sealed, to try everything. Says
// what came of each attempt: "open", or the code of what refused it.
import * as fs from "node:fs";
import * as net from "node:net";
import { join } from "node:path";

/** What there is to reach, made by the test. */
export interface Targets {
  readonly port: number;
  readonly socket: string;
  /** A folder that the signer's user may write to. */
  readonly outside: string;
  readonly state: string;
  readonly sockets: string;
  /** A module of the package that the signer does not load. */
  readonly module: string;
}

type Attack = (targets: Targets) => unknown;

const take = process.getBuiltinModule.bind(process);
/** Made before the seal, as a bad dependency could. */
const earlyLibrary = take("node:ffi").dlopen(null).lib;

const happens = (emitter: NodeJS.EventEmitter, event: string): Promise<void> =>
  new Promise((resolve, reject) => {
    emitter.once("error", reject);
    emitter.once(event, () => {
      resolve();
    });
  });

/** To be compiled, run or imported; the answer is not looked at. */
const MODULE_TEXT: string = "data:text/javascript,export default 1";
const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Buffer) => unknown } })
  .WebAssembly;

const networks: Record<string, Attack> = {
  "connect by TCP": ({ port }) => happens(net.connect(port, "127.0.0.1"), "connect"),
  "connect to a Unix socket": ({ socket }) => happens(net.connect(socket), "connect"),
  "connect to its own operator.sock": ({ sockets }) =>
    happens(net.connect(join(sockets, "operator.sock")), "connect"),
  "send by UDP": ({ port }) => {
    const socket = take("node:dgram").createSocket("udp4");
    return new Promise((resolve, reject) => {
      socket.on("error", reject).send("x", port, "127.0.0.1", (error) => {
        if (error) reject(error);
        else resolve(undefined);
      });
    });
  },
  "ask the name service": () => take("node:dns").promises.lookup("localhost"),
  "ask a name server": () => take("node:dns").promises.resolve4("localhost"),
  fetch: async ({ port }) => {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
    } catch (error) {
      throw (error as Error).cause;
    }
  },
  "speak HTTP/2": ({ port }) => happens(take("node:http2").connect(`http://127.0.0.1:${port}`), "connect"),
  "listen on TCP": () => happens(net.createServer().listen(0), "listening"),
  "listen on a Unix socket": ({ state }) => happens(net.createServer().listen(join(state, "s")), "listening"),
  "listen on an abstract socket": () => happens(net.createServer().listen("\0harden-hostile"), "listening"),
};

const programs: Record<string, Attack> = {
  spawn: () => happens(take("node:child_process").spawn("/bin/true"), "spawn"),
  spawnSync: () => {
    const { error } = take("node:child_process").spawnSync("/bin/true");
    if (error) throw error;
  },
  execSync: () => take("node:child_process").execSync("true"),
  fork: ({ module }) => happens(take("node:child_process").fork(module), "spawn"),
  "fork a cluster": () => take("node:cluster").fork(),
  "start a thread": () => happens(new (take("node:worker_threads").Worker)("", { eval: true }), "online"),
  "become another program": () => {
    process.execve?.("/bin/true", ["true"], {});
  },
  "load an addon": () => {
    process.dlopen({ exports: {} }, "/nonexistent.node");
  },
  "start WASI": () => new (take("node:wasi").WASI)({ version: "preview1", preopens: { "/": "/" } }),
  "bind C functions": () => take("node:ffi").dlopen(null),
  "make a C library of its own": () => new (take("node:ffi").DynamicLibrary)(null),
  "read memory by address": () => take("node:ffi").toBuffer(4096n, 8),
  "write memory by address": () => {
    take("node:ffi").setUint8(4096n, 0, 1);
  },
  "bind C functions through a library from before the seal": () =>
    earlyLibrary.getFunction("getppid", { return: "i32", arguments: [] })(),
  "open the inspector": () => {
    take("node:inspector").open(0);
  },
  "start an inspector session": () => {
    new (take("node:inspector").Session)().connect();
  },
  "use process.binding": () => (process as unknown as { binding(name: string): unknown }).binding("fs"),
  "be root": () => process.setuid?.(0),
  "signal another user's process": () => process.kill(process.ppid, 0),
  "signal a process of its user": () => process.kill(process.pid, 0),
  "get a right back": () => {
    const { permission } = process as unknown as {
      permission: Record<string, (...args: string[]) => unknown>;
    };
    for (const name of ["grant", "add", "allow", "apply"]) permission[name]?.("net");
    take("node:v8").setFlagsFromString("--allow-net");
    net.createServer().listen("\0harden-hostile").close();
  },
};

const codes: Record<string, Attack> = {
  eval: (): unknown => (0, eval)("1"),
  "new Function": (): unknown => Reflect.construct(Function, ["return 1"]),
  "switch eval on": () => {
    take("node:v8").setFlagsFromString("--no-disallow-code-generation-from-strings");
    return (0, eval)("1") as unknown;
  },
  "set a prototype by __proto__": () => (({}) as { __proto__: unknown }).__proto__,
  "run text by node:vm": (): unknown => take("node:vm").runInThisContext("1"),
  "compile a module from text": () => import(MODULE_TEXT),
  "compile WebAssembly": () => new Module(Buffer.from("0061736d01000000", "hex")),
  "import the package's own file": ({ module }) => import(module),
  "import a file": ({ outside }) => import(join(outside, "module.mjs")),
  "require a file": ({ outside }) =>
    take("node:module").createRequire(outside)(join(outside, "module.cjs")) as unknown,
};

const files: Record<string, Attack> = {
  "read /etc/passwd": () => fs.readFileSync("/etc/passwd"),
  "read it by way of the state folder": ({ state }) =>
    fs.readFileSync(`${state}/../../../../../../../etc/passwd`),
  "read ~/.ssh": () => fs.readdirSync(join(take("node:os").homedir(), ".ssh")),
  "read its own memory": () => fs.openSync("/proc/self/mem", "r"),
  "read its own environment": () => fs.readFileSync("/proc/self/environ"),
  "read its own code": ({ module }) => fs.readFileSync(module),
  "list a folder": () => fs.readdirSync("/"),
  "ask whether a file is there": () => fs.statSync("/etc/passwd"),
  "watch a folder": () => fs.watch("/etc", {}, () => undefined),
  "write a file": ({ outside }) => {
    fs.writeFileSync(join(outside, "written"), "x");
  },
  "write beside its sockets": ({ sockets }) => {
    fs.writeFileSync(join(sockets, "written"), "x");
  },
  "move a file out": ({ state, outside }) => {
    fs.renameSync(join(state, "head"), join(outside, "head"));
  },
  "make a link": ({ state }) => {
    fs.symlinkSync("/etc/passwd", join(state, "link"));
  },
  "write a heap snapshot": ({ outside }) => take("node:v8").writeHeapSnapshot(join(outside, "heap")),
  "write a report": ({ outside }) => process.report.writeReport(join(outside, "report")),
  "load an .env file": ({ outside }) => {
    process.loadEnvFile(join(outside, "env"));
  },
  "write in the state folder": ({ state }) => {
    fs.writeFileSync(join(state, "written"), "x");
  },
  "make a database anywhere": ({ outside }) => {
    new (take("node:sqlite").DatabaseSync)(join(outside, "db")).exec("CREATE TABLE t (a)");
  },
  "read a database anywhere": ({ outside }) =>
    new (take("node:sqlite").DatabaseSync)(join(outside, "there.db")).prepare("SELECT * FROM t").all(),
  "attach on a connection of its own": ({ outside }) => {
    new (take("node:sqlite").DatabaseSync)(":memory:").exec(`ATTACH '${join(outside, "db2")}' AS other`);
  },
  "load a library into SQLite": () => {
    new (take("node:sqlite").DatabaseSync)(":memory:", { allowExtension: true }).loadExtension("libm.so.6");
  },
  "read its own memory as a heap snapshot": () => {
    take("node:v8").getHeapSnapshot().destroy();
  },
};

async function outcomeOf(attack: Attack, targets: Targets): Promise<string> {
  try {
    await attack(targets);
    return "open";
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return code ?? name;
  }
}

process.once("SIGUSR2", () => {
  void (async () => {
    const targets = JSON.parse(process.env["HARDEN_TARGETS"] ?? "") as Targets;
    const outcomes: Record<string, string> = {};
    for (const [name, attack] of Object.entries({ ...networks, ...programs, ...codes, ...files }))
      outcomes[name] = await outcomeOf(attack, targets);
    process.stdout.write(`outcomes: ${JSON.stringify(outcomes)}\n`);
  })();
});
