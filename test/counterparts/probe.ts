// A process of some user that tries what it is told and prints what came of it: test/counterparts/service.ts.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { connectSigner } from "../../client/signer.ts";
import type { Probe } from "./service.ts";

/** PTRACE_ATTACH, ptrace(2), by way of Python's ctypes; prints the errno. */
const ATTACH =
  "import ctypes,sys; c=ctypes.CDLL(None,use_errno=True); r=c.ptrace(16,int(sys.argv[1]),0,0); print(ctypes.get_errno() if r else 0)";

async function attempt(probe: Probe): Promise<string> {
  if ("socket" in probe) {
    const signer = await connectSigner(probe.socket);
    const result = (await signer.call(probe.method, probe.params ?? {})) as { outcome?: string };
    signer.close();
    return result.outcome ?? "ok";
  } else if ("read" in probe) {
    if (statSync(probe.read).isDirectory()) readdirSync(probe.read);
    else readFileSync(probe.read);
  } else if ("write" in probe) {
    writeFileSync(probe.write, "x", { flag: "a" });
  } else {
    const errno = execFileSync("python3", ["-c", ATTACH, String(probe.trace)], { encoding: "utf8" }).trim();
    if (errno !== "0") throw Object.assign(new Error(), { code: errno === "1" ? "EPERM" : errno });
  }
  return "ok";
}

const outcomes: string[] = [];
for (const probe of JSON.parse(process.argv[2] ?? "[]") as Probe[]) {
  try {
    outcomes.push(await attempt(probe));
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    outcomes.push(/\((E[A-Z]+)\)/.exec(message)?.[1] ?? code);
  }
}
console.log(JSON.stringify(outcomes));
process.exit(0);
