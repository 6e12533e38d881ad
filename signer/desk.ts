// What the operator's helpers that touch a network may ask. Whatever one of them obeys, the policy bounds each act.
import { DESK_METHODS, type ParamsOf } from "../protocol/methods.ts";
import { approvalHandlers } from "./approvals.ts";
import { freeze } from "./freeze.ts";
import { reconcile } from "./reconcile.ts";
import { type Caller, type Role, byCaller } from "./sockets/role.ts";
import { unresolved } from "./unresolved.ts";
import type { Wallet } from "./wallet.ts";

export const deskRole = (wallet: Wallet): Role => ({
  schemas: DESK_METHODS,
  handlers: {
    "ledger.unresolved": (page: ParamsOf<"ledger.unresolved">) => unresolved(wallet, page),
    "ledger.reconcile": ({ findings }: ParamsOf<"ledger.reconcile">, caller: Caller) =>
      reconcile(wallet, findings, byCaller(caller)),
    ...approvalHandlers(wallet, "desk"),
    "agent.freeze": ({ agent }: { agent?: string }, caller: Caller) =>
      freeze(wallet, { agent, withIds: false, fields: byCaller(caller) }),
  },
});
