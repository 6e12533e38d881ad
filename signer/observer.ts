// What a looker-on may ask: no payment's id, payload or receipt, for these are money or lead to it.
import { OBSERVER_METHODS } from "../protocol/methods.ts";
import type { Metrics as Snapshot } from "../protocol/observed.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import type { Feed } from "./feed.ts";
import { type HistoryFilter, history } from "./history.ts";
import { wholeStatus } from "./operator.ts";
import { scopeStates } from "./report.ts";
import type { Caller, Role } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

export interface Watched {
  readonly feed: Feed;
  readonly metrics: () => Snapshot;
}

export const observerRole = (wallet: Wallet, { feed, metrics }: Watched): Role => ({
  schemas: OBSERVER_METHODS,
  handlers: {
    "signer.status": (_: object, caller: Caller) => wholeStatus(wallet, caller),
    "budget.get": ({ agent }: { agent?: string }) => ({
      scopes: scopeStates(wallet, wallet.scopes.chain(agent ?? DEFAULT_AGENT)),
    }),
    "history.list": (filter: HistoryFilter) => withoutIds(history(wallet.ledger, filter)),
    "events.subscribe": (_: object, caller: Caller) => {
      feed.subscribe(caller);
      return {};
    },
    "metrics.get": metrics,
  },
});

function withoutIds({ payments, ...page }: ReturnType<typeof history>) {
  return { ...page, payments: payments.map(({ id: _id, session: _session, ...row }) => row) };
}
