// Stop: nothing more is signed for an agent or for anyone, and what is signed already is told, because nobody here can
// take it back. Works also while locked.
import { formatUsd } from "../protocol/amount.ts";
import type { Alive, FreezeResult, UnfreezeResult } from "../protocol/shapes.ts";
import { EVERYTHING } from "./frozen.ts";
import { liveRows } from "./live.ts";
import type { ReservedBody } from "./ledger/rows.ts";
import type { Wallet } from "./wallet.ts";

/** Rows that a reply lists; count and sum are of all. */
const MAX_LISTED = 200;
/** Rows of the record that are read for them: stopping must not wait for a long list. */
const MAX_READ = 50_000;

interface Freeze {
  /** All when absent. */
  readonly agent?: string | undefined;
  /** An intent's id leads to the bytes that are money: a desk is not told. */
  readonly withIds: boolean;
  /** More for the row: who asked. */
  readonly fields?: object;
}

/** On disk, and in force, when it returns. Throws AGENT_UNKNOWN. */
export function freeze(wallet: Wallet, { agent, withIds, fields = {} }: Freeze): FreezeResult {
  wallet.scopes.freeze(agent ?? EVERYTHING, fields);
  return {
    frozen: [...wallet.scopes.frozen],
    alive: alive(wallet, agent, withIds),
    head: wallet.ledger.head(),
  };
}

/** Lifts what was frozen by that name: a freeze of everything does not hide those of agents. Throws AGENT_UNKNOWN. */
export function unfreeze(wallet: Wallet, agent: string | undefined, fields: object = {}): UnfreezeResult {
  wallet.scopes.unfreeze(agent ?? EVERYTHING, fields);
  return { frozen: [...wallet.scopes.frozen], head: wallet.ledger.head() };
}

function alive({ ledger, live }: Wallet, agent: string | undefined, withIds: boolean): Alive {
  const now = ledger.latest();
  const { usd, count, until } = live.sum(now, agent);
  const payments: Alive["payments"] = [];
  if (count === 0) return { count, usd: formatUsd(usd), payments };
  for (const { row } of liveRows(ledger, now, MAX_READ)) {
    if (agent === undefined || row.agent === agent) payments.push(livePayment(row, withIds));
    if (payments.length === Math.min(MAX_LISTED, count)) break;
  }
  return { count, usd: formatUsd(usd), until: new Date(until * 1000).toISOString(), payments };
}

function livePayment(row: ReservedBody, withIds: boolean): Alive["payments"][number] {
  const { agent, id, network, asset, symbol, amount, usd, payTo, expires } = row;
  return {
    agent,
    ...(withIds ? { id } : {}),
    network,
    asset,
    symbol,
    amount,
    usd: formatUsd(BigInt(usd)),
    payTo,
    expiresAt: new Date(expires * 1000).toISOString(),
  };
}
