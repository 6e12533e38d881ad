// Step 4: the decision on a drafted payment, inside the ledger's commit. Synchronous, and it writes nothing: it reads
// what can change (lock, policy, scopes, counters) as it is at that moment and answers with what to record.
import type { Refusal } from "../chains/rail.ts";
import { type Holding, holdSeconds } from "../policy/approve.ts";
import { isOver } from "../policy/counters.ts";
import {
  type Addition,
  type Check,
  type Decision,
  type Facts,
  type Payment,
  binding,
  evaluate,
} from "../policy/evaluate.ts";
import { type MicroUsd, type Price, formatPrice } from "../protocol/amount.ts";
import { rankOf } from "../policy/ranking.ts";
import type { Scope } from "../policy/scope.ts";
import { type Code, X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, fingerprint } from "../protocol/intent.ts";
import type { Drafted } from "./draft.ts";
import { type Counted, countedUnder } from "./fill.ts";
import { intentKey } from "./input-locks.ts";
import { type Hold, heldKey } from "./ledger/holds.ts";
import { type ReservedBody, recordedCheck, recordedClaims } from "./ledger/rows.ts";
import { unresolvedAddition, unresolvedKey } from "./ledger/unresolved.ts";
import type { Books, ReservedFields, Stored, Verdict } from "./ledger/verdict.ts";
import type { AppliedPolicy } from "./scopes.ts";
import type { Peer } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** A payment up to its draft, or why there is none. */
export type Plan = {
  readonly agent: string;
  readonly intent: PaymentIntent;
  readonly session: string | undefined;
  /** Who asks. */
  readonly peer: Peer | undefined;
  /** The policy that the draft was made under. */
  readonly policy: AppliedPolicy | undefined;
  readonly stored: Stored | undefined;
  /** The approval that the payment waited for. */
  readonly approved: Hold | undefined;
} & Drafted;

export function decide(wallet: Wallet, plan: Plan, books: Books): Verdict {
  const { agent, intent, session } = plan;
  wallet.endUnlockIfOver(books.now);
  if (!wallet.keyring.unlocked) return { is: "error", error: new X402Error("SIGNER_LOCKED") };
  // The draft took asset, account and validity from them. It is for the client to ask again, not for us to guess.
  if (plan.policy !== wallet.scopes.policy)
    return { is: "error", error: new X402Error("BUSY", "the policy changed") };
  if (plan.stored && wallet.ledger.find(agent, intent.id)?.state !== "reserved")
    return { is: "error", error: new X402Error("INTENT_FINAL") };
  if ("refused" in plan) return decline(plan, refusalCheck(plan));
  const { payment, draft, stored } = plan;
  const lost = draft.locks.some((input) =>
    wallet.locks.lockedUntil(input, intentKey(agent, intent.id), books.now),
  );
  if (lost) return { is: "error", error: new X402Error("BUSY", "an input was taken by another payment") };
  const hold = approvalOf(wallet, plan);
  if (hold === "over") return decline(plan, refusedCheck("APPROVAL_EXPIRED", "approve"));
  const booked = stored ? countedFor(stored, plan.policy) : hold && bookedFor(wallet, hold);
  const scopes = wallet.scopes.chain(agent, session);
  const facts = factsOf(wallet, books, booked);
  const isAsked = booked === undefined;
  const decision = evaluate(
    scopes,
    payment,
    isAsked ? { ...facts, holding: holdingOf(wallet, agent) } : facts,
  );
  const failed = binding(decision);
  if (failed && !failed.holds) return decline(plan, failed);
  if (failed && isAsked) return ask(wallet, plan, scopes, decision, books);
  if (hold && decision.usd > BigInt(hold.row.usd))
    return decline(plan, refusedCheck("APPROVAL_EXCEEDED", "approve"));
  // Of several drafts one can be used, and it is not known which: what is booked is the dearest.
  const before = BigInt(stored?.newest.usd ?? 0);
  const usd = decision.usd > before ? decision.usd : before;
  const fields = recorded(wallet, plan, usd, books.now);
  const more = unresolvedAddition(agent, usd - before, books.used(unresolvedKey(agent), 0, 0));
  const approved = hold && { hold, givenBack: wallet.ledger.givenBack(hold) };
  const add = [...decision.add, more];
  if (!stored || !booked)
    return { is: "reserve", fields, draft: draft.bytes, add, ...(approved && { approved }) };
  return redraft(fields, draft.bytes, { decision, booked, more, now: books.now });
}

interface Again {
  readonly decision: Decision;
  readonly booked: readonly Addition[];
  readonly more: Addition;
  readonly now: number;
}

function redraft(fields: ReservedFields, draft: Uint8Array, { decision, booked, more, now }: Again): Verdict {
  const add = [...notBooked(decision.add, booked), ...(more.amount > 0n ? [more] : [])];
  // What was counted in a window that is over is asked for no more; kept, it would grow with every draft.
  const open = booked.filter(({ key, bucket }) => !isOver(key, bucket, now));
  return { is: "redraft", fields, draft, add, booked: open };
}

/** The approval of this payment as it is now: "over" when it lapsed since the draft was begun. */
function approvalOf(wallet: Wallet, { approved, agent, intent }: Plan): Hold | "over" | undefined {
  if (approved) {
    const now = wallet.ledger.holds.get(approved.seq);
    return now?.state === "approved" ? now : "over";
  }
  // Turns keep two requests for one intent apart; nothing else makes a hold of it.
  return wallet.ledger.holds.find(agent, intent.id) ? "over" : undefined;
}

/** A payment that a person is asked about: its budget is taken, and nothing is drafted for it. */
function ask(
  wallet: Wallet,
  plan: Plan,
  scopes: readonly Scope[],
  { checks, add, usd }: Decision,
  { now }: Books,
): Verdict {
  if (wallet.ledger.spaceIsLow) return { is: "error", error: new X402Error("DISK_LOW") };
  const asking = checks.filter(({ ok }) => !ok).sort(rankOf);
  const until = now + holdSeconds(scopes, asking) * 1000;
  const fields = { ...recorded(wallet, plan, usd, now), until, checks: asking.map(recordedCheck) };
  const held = { key: heldKey(plan.agent), bucket: 0, amount: usd };
  return { is: "hold", fields, add: [...add, held] };
}

/** What a row says of a payment that was decided for. */
function recorded(wallet: Wallet, plan: Plan, usd: MicroUsd, now: number): ReservedFields {
  if ("refused" in plan) throw new TypeError("there is no draft");
  const { intent, payment, draft } = plan;
  return {
    ...identity(plan),
    fingerprint: fingerprint(intent),
    scheme: intent.scheme,
    symbol: payment.asset.symbol,
    decimals: payment.asset.decimals,
    usd: usd.toString(),
    ...costs(wallet, payment, now),
    from: payment.from,
    policy: plan.policy?.version ?? 0,
    ...(plan.policy && { policyHash: plan.policy.hash }),
    unlock: wallet.scopes.unlock?.seq ?? 0,
    expires: draft.expires,
  };
}

/** What a new hold of this agent's is held against. */
export function holdingOf({ ledger, scopes }: Wallet, agent: string): Holding {
  const { holds } = ledger;
  return {
    open: holds.countOf(agent),
    shared: scopes.agents().length > 1,
    held: (key, from, to) => holds.held(key, from, to),
  };
}

/** All that is counted for a hold, also in documents that came after it. */
export const bookedFor = ({ scopes: { policy } }: Wallet, { row, booked }: Hold): readonly Addition[] =>
  policy?.version === row.policy ? booked : countedFor({ booked, newest: row }, policy);

/** What every row about a payment says of it. */
function identity({ agent, intent, session, peer }: Plan) {
  return {
    agent,
    id: intent.id,
    network: intent.network,
    asset: intent.asset,
    amount: intent.amount.toString(),
    payTo: intent.payTo,
    claims: recordedClaims(intent.claims),
    ...(session === undefined ? {} : { session }),
    ...(peer && { peer }),
  };
}

const decline = (plan: Plan, check: Check): Verdict => {
  return { is: "decline", check, fields: identity(plan) };
};

/** What cannot be read from amount and symbol: the parts of the outflow, and the prices that they were counted at. */
function costs(wallet: Wallet, { outflow }: Payment, now: number): Pick<ReservedBody, "outflow" | "rates"> {
  const rates = outflow.flatMap(({ asset: { symbol } }) => {
    const price = wallet.prices.at(symbol, now);
    return price === undefined ? [] : [[symbol, formatPrice(price)] as const];
  });
  const parts = outflow.map(({ asset, amount, why }): Part => [asset.symbol, amount.toString(), why]);
  return {
    ...(parts.length > 1 && { outflow: parts }),
    ...(rates.length > 0 && { rates: Object.fromEntries(rates) }),
  };
}

type Part = NonNullable<ReservedBody["outflow"]>[number];

export function refusalCheck({ refused, until }: Refusal): Check {
  const check = refusedCheck(refused, "draft");
  return until === undefined ? check : { ...check, reopensAt: until * 1000 };
}

/** A no that comes before any rule: about the terms, the rails or the wallet. */
export const refusedCheck = (code: Code, rule: string): Check => ({
  scope: "household",
  rule,
  code,
  ok: false,
  claimed: false,
});

/** All that is counted for an intent: what its drafts added, and what a document was filled with that came later. */
export function countedFor(
  { booked, newest }: { readonly booked: readonly Addition[]; readonly newest: Counted },
  policy: AppliedPolicy | undefined,
): readonly Addition[] {
  if (!policy) return booked;
  const known = new Set(booked.map(({ key, bucket }) => `${key}\n${bucket}`));
  const filled = countedUnder(policy, newest).filter(({ key, bucket }) => !known.has(`${key}\n${bucket}`));
  return [...booked, ...filled];
}

/** The counters as this payment sees them. What it has booked before, for a draft that died, is its own already. */
export function factsOf(wallet: Wallet, books: Books, booked?: readonly Addition[]): Facts {
  const unlock = wallet.scopes.unlock?.seq ?? 0;
  const { now, memory } = books;
  const known = (key: string): boolean => books.known(key);
  const price = (symbol: string): Price | undefined => wallet.prices.at(symbol, now);
  const pricedAt = (symbol: string): number | undefined => wallet.prices.setAt(symbol, now);
  if (!booked) return { now, unlock, known, price, pricedAt, memory, used: (k, f, t) => books.used(k, f, t) };
  const own = (key: string, from: number, to: number): bigint =>
    booked.reduce(
      (sum, add) => (add.key === key && add.bucket >= from && add.bucket <= to ? sum + add.amount : sum),
      0n,
    );
  return {
    now,
    unlock,
    used: (key, from, to) => books.used(key, from, to) - own(key, from, to),
    known,
    price,
    pricedAt,
    memory,
  };
}

/** The counters to tell of, also while the clock is behind. */
export function latestFacts(wallet: Wallet): Facts {
  wallet.ledger.lapse();
  return factsOf(wallet, wallet.ledger.books(wallet.ledger.latest()));
}

/** A new draft of one intent counts only where no earlier one did: in windows that its validity newly touches. */
function notBooked(add: readonly Addition[], booked: readonly Addition[]): Addition[] {
  const total = new Map<string, bigint>();
  for (const { key, bucket, amount } of booked) {
    const id = `${key}\n${bucket}`;
    total.set(id, (total.get(id) ?? 0n) + amount);
  }
  return add
    .map((addition) => {
      const before = total.get(`${addition.key}\n${addition.bucket}`) ?? 0n;
      return { ...addition, amount: addition.amount > before ? addition.amount - before : 0n };
    })
    .filter(({ amount }) => amount > 0n);
}
