// A person's word on payments that wait. It binds one intent of one agent, as it was asked for, up to what it was
// counted at, once; and it is no permit: the payment is checked again, whole, when it is signed.
import { deskMax } from "../policy/approve.ts";
import { type Check, evaluate, wireCheck } from "../policy/evaluate.ts";
import { payeeKey } from "../policy/memory.ts";
import { type MicroUsd, formatUsd, parseUsd } from "../protocol/amount.ts";
import { X402Error } from "../protocol/errors.ts";
import type { ParamsOf } from "../protocol/methods.ts";
import type { Approval, ApprovalState, SignResult } from "../protocol/shapes.ts";
import { bookedFor, factsOf } from "./decide.ts";
import { paymentOf } from "./fill.ts";
import type { Hold, HoldEntry } from "./ledger/holds.ts";
import type { HeldBody, recordedCheck } from "./ledger/rows.ts";
import { type Caller, byCaller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** A longer wait is asked for again. */
const MOST_WAIT_MS = 60_000;

/** "a17": the row that holds it. */
export const approvalName = (seq: number): string => `a${seq}`;

export function heldResult(hold: Hold): Extract<SignResult, { outcome: "held" }> {
  return {
    outcome: "held",
    approval: approvalName(hold.seq),
    check: checkOf(hold.row),
    expiresAt: new Date(hold.until).toISOString(),
  };
}

const checkOf = ({ checks: [first] }: HeldBody) =>
  wireCheck({ ...(first as ReturnType<typeof recordedCheck>), ok: false, holds: true });

/** What became of one intent's hold; waits for a change while nobody has decided. Throws APPROVAL_UNKNOWN. */
export async function approvalOf(
  wallet: Wallet,
  agent: string,
  { id, waitMs = 0 }: ParamsOf<"approval.get">,
): Promise<ApprovalState> {
  const { ledger } = wallet;
  const deadline = performance.now() + Math.min(waitMs, MOST_WAIT_MS);
  for (;;) {
    ledger.lapse();
    const entry = ledger.holds.find(agent, id);
    if (!entry) throw new X402Error("APPROVAL_UNKNOWN");
    const left = deadline - performance.now();
    if (entry.state !== "held" || left <= 0 || ledger.frozenBy) return stateOf(wallet, entry);
    const until = (ledger.holds.get(entry.seq)?.until ?? 0) - ledger.latest();
    if (!(await ledger.holds.changed(Math.max(1, Math.min(left, until))))) return stateOf(wallet, entry);
  }
}

function stateOf({ ledger: { holds } }: Wallet, { seq, state }: HoldEntry): ApprovalState {
  const hold = holds.get(seq);
  return {
    approval: approvalName(seq),
    state: hold?.state ?? state,
    ...(hold && { check: checkOf(hold.row), expiresAt: new Date(hold.until).toISOString() }),
  };
}

interface Listing extends ParamsOf<"approval.list"> {
  /** An intent's id leads to the bytes that are money: a desk is not told. */
  readonly withIds: boolean;
}

/** Everything that waits, oldest first; with `after`, when something has changed behind that position. */
async function listApprovals(wallet: Wallet, { after, waitMs = 0, withIds }: Listing) {
  const { ledger } = wallet;
  const { holds } = ledger;
  const deadline = performance.now() + Math.min(waitMs, MOST_WAIT_MS);
  ledger.lapse();
  while (after !== undefined && holds.changedAt <= after) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    const next = Math.min(...[...holds.open()].map(({ until }) => until - ledger.latest()), left);
    if (!(await holds.changed(Math.max(1, next)))) break;
    ledger.lapse();
  }
  const approvals = [...holds.open()].map((hold) => described(wallet, hold, withIds));
  return { approvals, at: holds.changedAt };
}

function described(wallet: Wallet, hold: Hold, withIds: boolean): Approval {
  const { row, seq, state, until } = hold;
  const { agent, id, network, asset, symbol, amount, usd, payTo, claims, peer } = row;
  const { origin, path, method, category } = claims;
  const budgets = checksNow(wallet, hold).filter(
    ({ limit, used }) => limit !== undefined && used !== undefined,
  );
  const known = wallet.ledger.memory.payee(payeeKey(network, payTo));
  return {
    ...{ approval: approvalName(seq), state, agent, ...(withIds && { id }) },
    ...{ network, asset, symbol, amount, usd: formatUsd(BigInt(usd)), payTo },
    claims: {
      ...(origin !== undefined && { origin }),
      ...(path !== undefined && { path }),
      ...(method !== undefined && { method }),
      ...(category !== undefined && { category }),
    },
    ...(peer && { uid: peer.uid }),
    ...(known?.ceiling !== undefined && { ceiling: formatUsd(known.ceiling) }),
    why: row.checks.map((check) => wireCheck({ ...check, ok: false, holds: true })),
    budgets: budgets.map(wireCheck),
    askedAt: new Date(row.at).toISOString(),
    expiresAt: new Date(until).toISOString(),
  };
}

/** All checks as if it were asked for now, without what it holds itself. */
function checksNow(wallet: Wallet, hold: Hold): readonly Check[] {
  const { scopes, ledger } = wallet;
  if (!scopes.policy) return [];
  const now = ledger.latest();
  const facts = factsOf(wallet, ledger.books(now), bookedFor(wallet, hold));
  const { at, expires } = hold.row;
  const payment = { ...paymentOf(scopes.policy, hold.row), expiresAt: now + expires * 1000 - at };
  return evaluate(scopes.chain(hold.row.agent), payment, facts).checks;
}

interface Deciding {
  readonly by: "operator" | "desk";
  /** More for the row: who decided. */
  readonly fields: object;
}

/**
 * On disk when it returns; `declined` where a rule that asks nobody stands against it by now: then it goes on waiting.
 * Throws APPROVAL_UNKNOWN, APPROVAL_DECIDED and APPROVAL_ABOVE_DESK.
 */
function approve(
  wallet: Wallet,
  { approval, remember }: ParamsOf<"approval.approve">,
  { by, fields }: Deciding,
) {
  const { ledger } = wallet;
  const now = ledger.now();
  const hold = waitingHold(wallet, approval);
  const usd = BigInt(hold.row.usd);
  if (by === "desk" && usd > deskMax(wallet.scopes.chain(hold.row.agent)))
    throw new X402Error("APPROVAL_ABOVE_DESK");
  const against = checksNow(wallet, hold).find(({ ok, holds }) => !ok && !holds);
  if (against) return { outcome: "declined" as const, check: wireCheck(against) };
  const until = now + (hold.row.until - hold.row.at);
  const ceiling = remember && ceilingOf(remember.ceiling, usd);
  const { agent, id, network, asset, amount, payTo, claims } = hold.row;
  const row = { approval: hold.seq, agent, id, network, asset, amount, payTo, usd: hold.row.usd, claims };
  const remembered = ceiling === undefined ? {} : { remember: ceiling.toString() };
  ledger.record("payment.approved", { ...row, until, by, ...remembered, ...fields }, [], (_, seq) => {
    ledger.holds.approve(hold, seq, until);
    if (ceiling !== undefined && ledger.memory.isKept)
      ledger.memory.remember(hold.row, ceiling.toString(), seq);
  });
  return { outcome: "approved" as const, expiresAt: new Date(until).toISOString(), head: ledger.head() };
}

function ceilingOf(text: string, usd: MicroUsd): MicroUsd {
  const ceiling = parseUsd(text, "ceiling");
  if (ceiling < usd || ceiling > MOST_REMEMBERED)
    throw new X402Error("INVALID_REQUEST", "the ceiling is at least this payment and at most 1000000000");
  return ceiling;
}

const MOST_REMEMBERED = 1_000_000_000_000_000n;

/** Its budget is back when it returns. An approval that was not used yet can be taken back so, too. */
function deny(wallet: Wallet, approval: string, { by, fields }: Deciding) {
  const { ledger } = wallet;
  const hold = openHold(wallet, approval);
  const { agent, id, usd } = hold.row;
  const row = { approval: hold.seq, agent, id, usd, by, ...fields };
  ledger.record("payment.denied", row, ledger.givenBack(hold), (_, seq) => {
    ledger.holds.end(hold, "denied", seq);
  });
  return { head: ledger.head() };
}

function waitingHold(wallet: Wallet, approval: string): Hold {
  const hold = openHold(wallet, approval);
  if (hold.state !== "held") throw new X402Error("APPROVAL_DECIDED");
  return hold;
}

function openHold({ ledger }: Wallet, approval: string): Hold {
  ledger.lapse();
  const seq = Number(approval.slice(1));
  const hold = ledger.holds.get(seq);
  if (hold) return hold;
  throw new X402Error(ledger.holds.entry(seq) ? "APPROVAL_DECIDED" : "APPROVAL_UNKNOWN");
}

/** For whoever decides; a desk is told no ids. */
export const approvalHandlers = (wallet: Wallet, by: Deciding["by"]) => ({
  "approval.list": (page: ParamsOf<"approval.list">) =>
    listApprovals(wallet, { ...page, withIds: by === "operator" }),
  "approval.approve": (params: ParamsOf<"approval.approve">, caller: Caller) =>
    approve(wallet, params, { by, fields: byCaller(caller) }),
  "approval.deny": ({ approval }: ParamsOf<"approval.deny">, caller: Caller) =>
    deny(wallet, approval, { by, fields: byCaller(caller) }),
});
