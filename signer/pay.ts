// One payment, in six steps: identify, resolve, draft, reserve, sign, reply.
//
// Nothing is written after the signature and signing is deterministic, so a lost reply, a crash or a retry is step 5
// again on the stored draft. Between a commit and the signatures it permits no other event runs: the ledger's promises
// resolve in one turn of the event loop, and steps 5 and 6 have no await. A lock that arrives meanwhile comes after.
import { type Check, wireCheck } from "../policy/evaluate.ts";
import { X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, fingerprint } from "../protocol/intent.ts";
import type { SignParams } from "../protocol/methods.ts";
import type { Caip2 } from "../protocol/networks.ts";
import type { SignResult } from "../protocol/shapes.ts";
import { type Plan, decide, refusedCheck } from "./decide.ts";
import { heldResult } from "./approvals.ts";
import { draftPayment } from "./draft.ts";
import { intentKey } from "./input-locks.ts";
import type { Hold } from "./ledger/holds.ts";
import type { Recorded, Stored } from "./ledger/verdict.ts";
import { railNamed } from "./rails.ts";
import { signReservation } from "./sign.ts";
import type { Peer } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** The agent that the socket stands for, and who is at the other end of it. */
interface Payer {
  readonly agent: string;
  readonly peer: Peer | undefined;
}

type Signed = Extract<SignResult, { outcome: "signed" }>;

/** One request at a time per intent, so that the second of two equal ones finds the record of the first. */
export async function pay(wallet: Wallet, { agent, peer }: Payer, params: SignParams): Promise<SignResult> {
  const key = intentKey(agent, params.intent.id);
  const turn = wallet.turns.take(key);
  if (turn) await turn;
  try {
    return await payInTurn(wallet, { agent, peer }, params);
  } finally {
    wallet.turns.pass(key);
  }
}

async function payInTurn(wallet: Wallet, payer: Payer, params: SignParams): Promise<SignResult> {
  const { agent } = payer;
  const { intent, session } = params;
  // 1 identify
  wallet.endUnlockIfOver(wallet.ledger.now());
  const stored = wallet.ledger.find(agent, intent.id);
  if (stored && stored.fingerprint !== fingerprint(intent)) throw new X402Error("INTENT_CONFLICT");
  if (stored && stored.state !== "reserved") throw new X402Error("INTENT_FINAL");
  if (stored && isAlive(stored, wallet)) return await repeat(wallet, payer, intent, stored);
  if (stored && !railNamed(wallet.rails, intent.network).redrafts) throw new X402Error("INTENT_UNRESOLVED");
  const waited = stored ? undefined : await waiting(wallet, payer, intent);
  if (waited && "outcome" in waited) return waited;
  wallet.scopes.chain(agent, session);
  // 2 resolve, 3 draft
  const plan = await planFor(wallet, payer, params, { stored, approved: waited });
  // 4 reserve
  const recorded = await reserve(wallet, plan);
  if (recorded.is === "declined") return declined(recorded.check);
  if (recorded.is === "held") return heldResult(recorded.hold);
  wallet.live.add(recorded.reservation.fields, wallet.ledger.latest());
  // 5 sign, 6 reply
  const result = signed(wallet, recorded.reservation, false);
  wallet.endUnlockWhenSpent();
  return result;
}

/** Inputs that the draft has picked are free again unless it is on record. */
async function reserve(wallet: Wallet, plan: Plan): Promise<Recorded> {
  const { agent, intent } = plan;
  let recorded: Recorded | undefined;
  try {
    recorded = await wallet.ledger.reserve(agent, (books) => decide(wallet, plan, books));
    return recorded;
  } finally {
    if (recorded?.is !== "reserved" && "draft" in plan)
      wallet.locks.release(plan.draft.locks, intentKey(agent, intent.id));
  }
}

const isAlive = (stored: Stored, wallet: Wallet): boolean =>
  stored.reservation.fields.expires * 1000 > wallet.ledger.now();

/** The same bytes again. Budgets are not asked twice; a freeze and a payee that was blocked meanwhile are. */
async function repeat(
  wallet: Wallet,
  { agent, peer }: Payer,
  intent: PaymentIntent,
  stored: Stored,
): Promise<SignResult> {
  const stopped = wallet.scopes.stops(agent, intent, wallet.ledger.now());
  if (stopped !== undefined)
    return await refuse(wallet, { agent, peer }, intent, refusedCheck(stopped, "replay"));
  return signed(wallet, stored.reservation, true);
}

/** A no to an intent that is on record. */
async function refuse(
  wallet: Wallet,
  { agent, peer }: Payer,
  { id }: PaymentIntent,
  check: Check,
): Promise<SignResult> {
  await wallet.ledger.reserve(agent, () => ({
    is: "decline",
    check,
    fields: { agent, id, ...(peer && { peer }) },
  }));
  return declined(check);
}

/** What an intent that was held before is told: to wait, or no. The hold itself, once it is approved. */
async function waiting(
  wallet: Wallet,
  payer: Payer,
  intent: PaymentIntent,
): Promise<Hold | SignResult | undefined> {
  const { holds } = wallet.ledger;
  wallet.ledger.lapse();
  const entry = holds.find(payer.agent, intent.id);
  if (!entry) return undefined;
  if (entry.fingerprint !== fingerprint(intent)) throw new X402Error("INTENT_CONFLICT");
  const hold = holds.get(entry.seq);
  if (hold?.state === "approved") return hold;
  if (hold) return heldResult(hold);
  const code = entry.state === "denied" ? "APPROVAL_DENIED" : "APPROVAL_EXPIRED";
  return await refuse(wallet, payer, intent, refusedCheck(code, "approve"));
}

const declined = (check: Check): SignResult => ({ outcome: "declined", check: wireCheck(check) });

function signed(wallet: Wallet, reservation: Stored["reservation"], replayed: boolean): Signed {
  const { from: account, expires, network } = reservation.fields;
  const from = railNamed(wallet.rails, network).addressOn(network as Caip2, account) ?? account;
  const payload = signReservation(reservation, wallet.keyring, wallet.rails) as Signed["payload"];
  const expiresAt = new Date(expires * 1000).toISOString();
  return { outcome: "signed", payload, from, expiresAt, replayed, head: wallet.ledger.head() };
}

/** Steps 2 and 3. A refusal is part of the plan, because it is decided and recorded like everything else. */
async function planFor(
  wallet: Wallet,
  { agent, peer }: Payer,
  { intent, session, context }: SignParams,
  { stored, approved }: Pick<Plan, "stored" | "approved">,
): Promise<Plan> {
  const { policy } = wallet.scopes;
  // An intent stays with the account of its first draft, also when the wallet has a new one.
  const from = stored?.reservation.fields.from ?? approved?.row.from;
  const nonce = (label: string): Uint8Array => wallet.keyring.nonce(label, agent, intent.id);
  const hold = (inputs: readonly string[], until: number): void => {
    wallet.locks.hold(inputs, { intent: intentKey(agent, intent.id), until }, wallet.ledger.latest());
  };
  const before = stored?.reservation.fields.draft;
  const drafted = await draftPayment(wallet, { agent, intent, policy, from, nonce, context, before, hold });
  if ("refused" in drafted && drafted.refused === "INTENT_UNRESOLVED")
    throw new X402Error("INTENT_UNRESOLVED");
  return { agent, intent, session, peer, policy, stored, approved, ...drafted };
}
