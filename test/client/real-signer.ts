// The signer as it runs: its own process, on a home of its own, with a vault made for the test and unlocked.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Address } from "viem";
import { connectSigner, operatorCall, type SignerConnection } from "../../client/signer.ts";
import { sealFor } from "../../vault/handoff.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { Secret } from "../../vault/secret.ts";
import { create, type OpenVault } from "../../vault/vault.ts";

const BIN = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));

export type RealSigner = Awaited<ReturnType<typeof startSigner>>;

async function run(folder: string): Promise<ChildProcess> {
  const args = [BIN, "--home", join(folder, "state"), "--sockets", join(folder, "run")];
  const signer = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const end = () => signer.kill("SIGKILL");
  process.once("exit", end);
  signer.once("exit", () => process.off("exit", end));
  let said = "";
  for await (const line of createInterface({ input: signer.stderr })) {
    said += `${line}\n`;
    if (!line.includes("locked, listening")) continue;
    signer.stderr.resume();
    return signer;
  }
  throw new Error(`the signer did not start:\n${said}`);
}

async function unlock(operator: SignerConnection, vault: OpenVault): Promise<void> {
  const { publicKey, ledger } = await operatorCall(operator, "vault.offer", {});
  // A vault names its ledger from the first unlock on.
  if (vault.header.ledgerId === undefined) await vault.change({ ledgerId: ledger.ledger });
  const { sealed, key } = vault.signingPart();
  await operatorCall(operator, "vault.unlock", { ...sealFor(publicKey, key, sealed), scope: {} });
  key.wipe();
}

/** Starts it unlocked, with this policy applied. `address` is what pays. */
export async function startSigner(policy: Record<string, unknown>) {
  const folder = await mkdtemp(join(tmpdir(), "signer-"));
  const wallet = { key: Secret.random(32) };
  const passphrase = Secret.take(Buffer.from("correct horse battery staple"));
  const [vault, first] = await Promise.all([
    create(join(folder, "vault.enc"), passphrase, { wallet, cost: LOWEST_COST }),
    run(folder),
  ]);
  let signer = first;
  const connect = () => connectSigner(join(folder, "run", "operator.sock"));
  let operator = await connect();

  const apply = async (document: Record<string, unknown>): Promise<void> => {
    const { base } = await operatorCall(operator, "policy.get", {});
    await operatorCall(operator, "policy.apply", { document, base });
  };
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    const ended = once(signer, "exit");
    signer.kill(signal);
    await ended;
  };
  const restart = async (): Promise<void> => {
    signer = await run(folder);
    operator = await connect();
    await unlock(operator, vault);
  };
  const close = async (): Promise<void> => {
    if (signer.exitCode === null && signer.signalCode === null) await kill("SIGTERM");
    await rm(folder, { recursive: true });
  };
  await unlock(operator, vault);
  await apply(policy);
  const history = () => operatorCall(operator, "history.list", {});
  const address = vault.addresses[0]!.address as Address;
  const endpoint = join(folder, "run", "agent.sock");
  return { endpoint, address, apply, history, kill, restart, close };
}
