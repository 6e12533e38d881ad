// What was reserved in all: by asset, agent and payee. A reservation is the permit to pay, not the payment.
import { type JsonObject, comparable, textOf } from "./text.ts";

export interface Sum {
  payments: number;
  /** Atomic units; of one asset only where the group is an asset. */
  amount: bigint;
  /** Micro-USD. */
  usd: bigint;
}

/** Payees are made up by agents: beyond so many, they are one line. */
const MAX_GROUPS = 10_000;
const OTHERS = "(others)";

export class Totals {
  readonly byAsset = new Map<string, Sum>();
  readonly byAgent = new Map<string, Sum>();
  readonly byPayee = new Map<string, Sum>();
  /** "released" and "settled" */
  readonly ended = new Map<string, Sum>();

  end(how: "released" | "settled", usd: bigint): void {
    book(this.ended, how, 0n, usd);
  }

  add({ agent, network, asset, symbol, payTo }: JsonObject, amount: bigint, usd: bigint): void {
    book(this.byAsset, `${textOf(symbol)} ${textOf(network)}/${comparable(textOf(asset))}`, amount, usd);
    book(this.byAgent, textOf(agent), amount, usd);
    book(this.byPayee, `${textOf(network)}/${comparable(textOf(payTo))}`, amount, usd);
  }
}

function book(groups: Map<string, Sum>, name: string, amount: bigint, usd: bigint): void {
  const key = groups.has(name) || groups.size < MAX_GROUPS ? name : OTHERS;
  const sum = groups.get(key) ?? { payments: 0, amount: 0n, usd: 0n };
  sum.payments += 1;
  sum.amount += amount;
  sum.usd += usd;
  groups.set(key, sum);
}
