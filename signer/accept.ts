// ledger.accept and ledger.inspect: what the signer found wrong, and the operator's word on it. Accepting never opens a
// budget: what may have been spent without a record is counted as spent.
import { compileHousehold, parseDocument } from "../policy/document.ts";
import type { Addition } from "../policy/evaluate.ts";
import { MAX_USD } from "../policy/schema.ts";
import { parseUsd } from "../protocol/amount.ts";
import { type Code, X402Error } from "../protocol/errors.ts";
import type { ParamsOf, ResultOf } from "../protocol/methods.ts";
import { type Assumed, assumed, reopened } from "./assume.ts";
import type { TakenOver } from "./ledger/acceptance.ts";
import { headOf } from "./ledger/open.ts";
import type { Caller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** Of these nothing is lost: only what the operator types is added. */
const NOTHING_LOST: readonly Code[] = ["VAULT_REPLACED", "CLOCK_AHEAD", "CLOCK_BEHIND"];

/** Throws NOTHING_TO_ACCEPT unless `code` is what the signer found, and LEDGER_BEHIND when it has to find that first. */
export function acceptFound(
  wallet: Wallet,
  { code, assume: typed, lastHead }: ParamsOf<"ledger.accept">,
  { peer }: Caller,
): ResultOf<"ledger.accept"> {
  const { ledger } = wallet;
  const found = ledger.frozenBy ?? wallet.refused?.code ?? "VAULT_OTHER_LEDGER";
  if (code !== found && !(code === "VAULT_OTHER_LEDGER" && ledger.frozenBy === undefined))
    throw new X402Error("NOTHING_TO_ACCEPT", `${code} was not found here`);
  const assume = assumedSum(code, typed);
  // A head of this ledger that it does not contain is another problem, with a code of its own.
  if (!ledger.finding && lastHead?.ledger === ledger.head().ledger) wallet.seen(lastHead);
  if (!ledger.finding) wallet.lock(`the operator accepted ${code}`);
  const vault = code === "VAULT_REPLACED" ? wallet.refused?.vault : undefined;
  const { seq, setAside } = ledger.accept({
    code,
    assume,
    seen: lastHead && headOf(lastHead),
    believesClock: code === "CLOCK_AHEAD" || code === "CLOCK_BEHIND",
    fields: { ...(vault && { vault }), ...(peer && { peer }) },
    fill: (taken) => fillOf(code, assume, taken),
  });
  wallet.reload();
  return { seq, setAside: [...setAside], head: ledger.head() };
}

function fillOf(code: Code, assume: Assumed, { at, mark, policy, used }: TakenOver): Addition[] {
  if (policy === undefined) return [];
  const { document } = JSON.parse(policy) as { document: unknown };
  const household = compileHousehold(parseDocument(document));
  const lost = assumed(household, assume, at, used);
  return code === "CLOCK_BEHIND" && assume !== "full"
    ? [...lost, ...reopened(household, at, mark, used)]
    : lost;
}

function assumedSum(code: Code, typed: string | undefined): Assumed {
  if (typed === undefined) return NOTHING_LOST.includes(code) ? 0n : "full";
  const sum = parseUsd(typed, "assume");
  if (sum < 0n || sum > MAX_USD) throw new X402Error("INVALID_REQUEST", "assume is between 0 and 1000000000");
  return sum;
}

/** What was found, and the budgets that accepting it would fill. */
export function inspectFound(wallet: Wallet): ResultOf<"ledger.inspect"> {
  const { ledger, scopes, refused } = wallet;
  const { finding, frozenBy } = ledger;
  const code = frozenBy ?? refused?.code;
  return {
    head: ledger.head(),
    ...(code && { code, detail: finding?.error.message ?? refused?.message ?? new X402Error(code).message }),
    ...(finding?.lost && { lost: { seq: finding.lost.seq, hash: finding.lost.hash } }),
    ...(scopes.policy && { policy: { version: scopes.policy.version, hash: scopes.policy.hash } }),
    spaceIsLow: ledger.spaceIsLow,
  };
}
