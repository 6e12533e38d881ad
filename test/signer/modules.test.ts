// What runs beside the keys: the modules of a running signer, after it has done all that it can do.
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { SignerHome, type SignerProcess } from "../counterparts/signer.ts";
import { codeOf } from "../vault/code.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TRACE = fileURLToPath(new URL("trace-modules.ts", import.meta.url));
const OWN = ["bin", "signer", "vault", "policy", "chains", "protocol"];
const PACKAGES = ["@scure/base", "libsodium-sumo", "tiny-secp256k1", "uint8array-tools", "zod"];

/** Every method, and the ways to fail, so that whatever is loaded late has been loaded. */
async function useEverything(signer: SignerProcess): Promise<void> {
  await signer.unlock({ count: 3, spend: "1.00", endsAt: new Date(Date.now() + 60_000).toISOString() });
  await signer.apply(document({ timezone: "Europe/Athens", perDayMax: "1.00", agents: { a: {} } }));
  await signer.apply(document({ budgets: [{ name: "site", limit: "1.00", window: "1h", per: "domain" }] }));
  expect(await codeOf(() => signer.apply({ version: 1 }))).toBe("POLICY_INVALID");
  const agent = await signer.agent();
  const { session } = await agentCall(agent, "session.open", { policy: { perCallMax: "0.05" } });
  for (const wanted of [
    intent(1),
    intent(1),
    intent(2, { payTo: "0x0" }),
    intent(3, { network: "solana:x" }),
  ]) {
    await signer.sign(wanted, { session });
  }
  await agentCall(agent, "session.close", { session });
  await agentCall(agent, "payment.quote", { intents: [intent(4)] });
  await agentCall(agent, "budget.get", {});
  await agentCall(agent, "history.list", {});
  await agentCall(agent, "wallet.addresses", {});
  await operatorCall(signer.operator, "payment.quote", { intents: [intent(5)], document: document() });
  await LedgerRecord.read(signer.operator);
  await signer.lock();
}

it("are Node's, the signer's own, and a handful of packages", async () => {
  const home = await SignerHome.make();
  onTestFinished(() => {
    home.remove();
  });
  const signer = await home.spawn({ node: ["--import", pathToFileURL(TRACE).href] });
  await useEverything(signer);
  await signer.close();
  const said = /^modules: (.*)$/m.exec(signer.output)?.[1];
  const modules = (JSON.parse(said ?? "[]") as string[]).filter((url) => url !== pathToFileURL(TRACE).href);
  expect(modules.length).toBeGreaterThan(50);
  const builtin = modules.filter((url) => url.startsWith("node:"));
  const files = modules.filter((url) => !url.startsWith("node:")).map((url) => fileURLToPath(url));
  const inside = files.map((file) => {
    expect(file.startsWith(ROOT), file).toBe(true);
    return file.slice(ROOT.length).split("/");
  });
  const packages = inside
    .filter(([folder]) => folder === "node_modules")
    .map(([, scope = "", name = ""]) => (scope.startsWith("@") ? `${scope}/${name}` : scope));
  expect([...new Set(packages)].filter((name) => !name.startsWith("@noble/")).sort()).toEqual(PACKAGES);
  const folders = inside.map(([folder = ""]) => folder).filter((folder) => folder !== "node_modules");
  for (const folder of new Set(folders)) expect(OWN).toContain(folder);
  // Nothing that opens connections by itself, starts processes or threads, or evaluates text.
  for (const name of [
    "http",
    "https",
    "http2",
    "tls",
    "dgram",
    "dns",
    "child_process",
    "cluster",
    "worker_threads",
    "vm",
    "inspector",
    "repl",
  ]) {
    expect(builtin).not.toContain(`node:${name}`);
  }
});
