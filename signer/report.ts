// What the signer tells about itself: its state, and what is left in each scope.
import { formatUsd } from "../protocol/amount.ts";
import type { Status } from "../protocol/shapes.ts";
import { VERSION } from "../protocol/version.ts";
import { headroom, wireCheck } from "../policy/evaluate.ts";
import type { Scope } from "../policy/scope.ts";
import { latestFacts } from "./decide.ts";
import { maxLoss } from "./exposure.ts";
import type { Caller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

/** As this caller sees it; `agent` when the caller is one. */
export function status(wallet: Wallet, scopes: readonly Scope[], { peer }: Caller, agent?: string): Status {
  const { policy } = wallet.scopes;
  const unlock = unlockState(wallet);
  return {
    version: VERSION,
    ...stateOf(wallet, agent),
    // Where the kernel cannot be asked, the worst is said.
    sameUid: peer === undefined || peer.uid === process.getuid?.(),
    ...(agent === undefined ? { frozen: [...wallet.scopes.frozen] } : {}),
    protections: { ...wallet.protections() },
    ...(policy ? { policy: { version: policy.version, hash: policy.hash } } : {}),
    ...(wallet.auditKey === undefined ? {} : { auditKey: wallet.auditKey }),
    ...(unlock ? { unlock } : {}),
    scopes: scopeStates(wallet, scopes),
    maxLoss: maxLoss(wallet, agent),
    head: wallet.ledger.head(),
  };
}

function stateOf(
  { ledger, keyring, scopes }: Wallet,
  agent: string | undefined,
): Pick<Status, "state" | "frozenBy"> {
  if (ledger.frozenBy) return { state: "frozen", frozenBy: ledger.frozenBy };
  if (scopes.isFrozen(agent)) return { state: "frozen", frozenBy: "SIGNER_FROZEN" };
  return { state: keyring.unlocked ? "unlocked" : "locked" };
}

export const scopeStates = (wallet: Wallet, scopes: readonly Scope[]): Status["scopes"] =>
  headroom(scopes, latestFacts(wallet)).map(({ scope, checks }) => ({
    id: scope.id,
    kind: scope.kind,
    ...(scope.endsAt === undefined ? {} : { endsAt: new Date(scope.endsAt).toISOString() }),
    left: checks.map(wireCheck),
  }));

function unlockState(wallet: Wallet): Status["unlock"] {
  const { unlock } = wallet.scopes;
  if (!unlock) return undefined;
  const fuel = wallet.fuel();
  const spend = fuel.find((check) => check.unit === "usd")?.left;
  const count = fuel.find((check) => check.unit === "count")?.left;
  return {
    at: new Date(unlock.at).toISOString(),
    ...(unlock.scope.endsAt === undefined ? {} : { endsAt: new Date(unlock.scope.endsAt).toISOString() }),
    ...(spend === undefined ? {} : { spendLeft: formatUsd(spend) }),
    ...(count === undefined ? {} : { countLeft: Number(count) }),
  };
}
