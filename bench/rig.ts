// A signer in its own process, built and unlocked, as it would be used, on a home of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type SignerConnection, connectSigner, operatorCall } from "../client/signer.ts";
import { X402Error } from "../protocol/errors.ts";
import { LineClient } from "./line-client.ts";
import { evmIntent } from "./terms.ts";
import { sealFor } from "../vault/handoff.ts";
import { LOWEST_COST } from "../vault/kdf.ts";
import { Secret } from "../vault/secret.ts";
import { type OpenVault, create } from "../vault/vault.ts";

const COMMAND = fileURLToPath(new URL("../dist/bin/x402-signer.js", import.meta.url));

// A household as people have it: lists, a limit per call, calendar budgets, a total, a rate, and a named agent.
export const POLICY = {
  version: 1,
  allowedNetworks: ["base-sepolia"],
  allowedAssets: ["USDC"],
  perCallMax: "0.10",
  perDayMax: "1000000.00",
  perMonthMax: "1000000.00",
  totalMax: "10000000.00",
  budgets: [{ name: "no flood", count: 100_000_000, window: "1h" }],
};

/** The same on every rail. */
export const POLICY_OF_RAILS = {
  ...POLICY,
  allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
  allowedAssets: ["USDC", "ADA"],
  perCallMax: "1.00",
};

export interface Rig {
  readonly pid: number;
  readonly endpoint: string;
  readonly agent: LineClient;
  /** Megabytes (10^6): now, and the most there ever was. */
  memory(): { rss: number; peak: number };
  stop(): Promise<void>;
}

export interface Home {
  readonly folder: string;
  readonly vault: OpenVault;
  readonly policy: Record<string, unknown>;
}

/** With an account on every rail if the policy is for all. */
export async function makeHome(folder: string, policy: Home["policy"] = POLICY): Promise<Home> {
  mkdirSync(folder, { mode: 0o700 });
  const passphrase = Secret.take(Buffer.from("a passphrase for the bench"));
  const secret = Secret.random(32);
  const wallet = policy === POLICY ? { key: secret } : { entropy: secret };
  const vault = await create(join(folder, "vault.enc"), passphrase, { wallet, cost: LOWEST_COST });
  return { folder, vault, policy };
}

/** Starts, unlocks and, on a new home, applies the policy. */
export async function startRig({ folder, vault, policy: wanted }: Home): Promise<Rig> {
  const log = openSync(join(folder, "log"), "a");
  const args = [COMMAND, "--home", join(folder, "state"), "--sockets", join(folder, "run")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", log] });
  const endpoint = join(folder, "run", "agent.sock");
  const operator = await connected(join(folder, "run", "operator.sock"), child);
  await unlock(operator, vault);
  const { policy } = await operatorCall(operator, "policy.get", {});
  if (!policy) await operatorCall(operator, "policy.apply", { document: wanted, base: "" });
  const day = { symbol: "ADA", usd: "0.41", maxAge: 86_400 };
  if (wanted !== POLICY) await operatorCall(operator, "price.set", day);
  operator.close();
  const agent = await LineClient.connect(endpoint);
  return {
    pid: child.pid ?? 0,
    endpoint,
    agent,
    memory: () => memoryOf(child.pid ?? 0),
    stop: async () => {
      agent.close();
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Tries again until the socket is there; a signer that ended says so at once. */
async function connected(path: string, child: ChildProcess): Promise<SignerConnection> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the signer ended with ${child.exitCode}`);
    try {
      return await connectSigner(path);
    } catch (error) {
      if (!(error instanceof X402Error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

async function unlock(operator: SignerConnection, vault: OpenVault): Promise<void> {
  const { publicKey, ledger } = await operatorCall(operator, "vault.offer", {});
  if (vault.header.ledgerId === undefined) await vault.change({ ledgerId: ledger.ledger });
  const { sealed, key } = vault.signingPart();
  await operatorCall(operator, "vault.unlock", { ...sealFor(publicKey, key, sealed), scope: {} });
  key.wipe();
}

function memoryOf(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number =>
    (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
  return { rss: field("VmRSS"), peak: field("VmHWM") };
}

/** One payment over the socket; throws unless it was signed. */
export async function signOne(agent: LineClient): Promise<void> {
  const reply = await agent.call("payment.sign", { intent: evmIntent() });
  if (!reply.includes('"outcome":"signed"')) throw new Error(`expected a signature, got ${reply}`);
}
