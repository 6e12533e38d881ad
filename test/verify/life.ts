// A life of a ledger in which nearly everything happens, and its export: what the tests of the verifier start from.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentCall, operatorCall } from "../../client/signer.ts";
import type { Head } from "../../protocol/shapes.ts";
import { policy } from "../cli/policy-command.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { USED, agreed, deskOf, reconcile, unresolved } from "../signer/findings.ts";
import { idOf, intent } from "../signer/intents.ts";

export const MINUTE = 60_000;
export const BLOCKED = "0x1111111111111111111111111111111111111111";
/** A Friday. It is Saturday in Athens two hours before it is in London. */
const START = Date.parse("2026-11-20T21:30:00Z");

/** Every plain limit, on both scopes. */
export const rules = (changed: object = {}) => ({
  version: 1,
  timezone: "Europe/Athens",
  allowedNetworks: ["base-sepolia"],
  blockedRecipients: [BLOCKED],
  perCallMax: "0.10",
  perSessionMax: "0.50",
  perDayMax: "0.50",
  perWeekMax: "0.60",
  perMonthMax: "0.70",
  totalMax: "0.80",
  maxReleasePerDay: "0.02",
  budgets: [
    { name: "fast", count: 50, window: "1m" },
    { name: "payee", limit: "1.00", window: "1h", per: "recipient" },
  ],
  agents: { research: { perDayMax: "0.30", totalMax: "0.40" } },
  ...changed,
});

export interface Life {
  /** The export, as text. */
  readonly text: string;
  /** The signer's audit key: public, and the seed that a dishonest signer would use. */
  readonly key: string;
  readonly seed: Buffer;
  /** Of the payment "kept", and the newest one. */
  readonly receipts: readonly string[];
  readonly head: Head;
}

export async function makeLife(): Promise<Life> {
  const home = await SignerHome.make();
  let now = START;
  let signer = await home.start({ clock: () => now });
  try {
    await signer.apply(rules());
    await signer.unlock({ spend: "0.60", count: 40, endsAt: "2026-11-21T12:00:00Z" });
    await liveALittle(signer, (ms) => (now += ms));
    await signer.close();
    now += MINUTE;
    signer = await home.start({ clock: () => now });
    await signer.unlock({ spend: "0.30", count: 20, endsAt: "2026-11-21T12:00:00Z" });
    const receipts = [await receiptOf(signer, "kept")];
    await signer.sign(intent("last"), { agent: "research" });
    await signer.sign(intent("newest"));
    receipts.push(await receiptOf(signer, "newest"));
    const { auditKey: key = "", head } = await signer.status();
    const text = await exported(home);
    return { text, key, seed: home.secrets()[3]!, receipts, head };
  } finally {
    await signer.close();
    home.remove();
  }
}

async function liveALittle(signer: Signer, pass: (ms: number) => void): Promise<void> {
  const agent = await signer.agent();
  const { session } = await agentCall(agent, "session.open", { policy: { perSessionMax: "1.00" } });
  for (const name of ["first", "dead", "used", "kept"]) await signer.sign(intent(name), { session });
  await signer.sign(intent("too-much", { amount: "200000" }));
  await signer.sign(intent("blocked", { payTo: BLOCKED }));
  pass(2 * MINUTE);
  await signer.sign(intent("first"), { session });
  await agentCall(agent, "session.close", { session });
  await operatorCall(signer.operator, "agent.freeze", { agent: "default" });
  await operatorCall(signer.operator, "agent.unfreeze", { agent: "default" });
  const desk = await deskOf(signer);
  const payments = await unresolved(desk);
  const [dead, used] = ["dead", "used"].map((name) => payments.find(({ id }) => id === idOf(name))!);
  await reconcile(desk, [...agreed(dead!), ...agreed(used!, USED)]);
  desk.close();
  pass(30 * MINUTE);
  await signer.apply(rules({ timezone: "UTC", totalMax: "0.90" }));
  // Valid across midnight: counted in two days, and in two weeks where that is a Sunday.
  pass(117 * MINUTE + 30_000);
  await signer.sign(intent("across", { maxTimeoutSeconds: 300 }));
  await signer.lock();
}

async function receiptOf(signer: Signer, name: string): Promise<string> {
  return (await agentCall(await signer.agent(), "receipt.get", { id: idOf(name) })).receipt;
}

/** By the real command. */
export async function exported(home: SignerHome): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "x402-export-"));
  try {
    const file = join(folder, "record.ndjson");
    const { status, stderr } = await policy(home.folder, ["audit", "export", file]);
    if (status !== 0) throw new Error(stderr);
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
