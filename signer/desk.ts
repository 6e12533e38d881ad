// What the operator's helpers that touch a network may ask. Whatever one of them obeys, the policy bounds each act.
import { DESK_METHODS } from "../protocol/methods.ts";
import { freeze } from "./freeze.ts";
import { type Caller, type Role, byCaller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

export const deskRole = (wallet: Wallet): Role => ({
  schemas: DESK_METHODS,
  handlers: {
    "agent.freeze": ({ agent }: { agent?: string }, caller: Caller) =>
      freeze(wallet, { agent, withIds: false, fields: byCaller(caller) }),
  },
});
