// What a looker-on may ask: no payment's id, payload or receipt, for these are money or lead to it.
import { OBSERVER_METHODS } from "../protocol/methods.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import { wholeStatus } from "./operator.ts";
import { scopeStates } from "./report.ts";
import type { Caller, Role } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

export const observerRole = (wallet: Wallet): Role => ({
  schemas: OBSERVER_METHODS,
  handlers: {
    "signer.status": (_: object, caller: Caller) => wholeStatus(wallet, caller),
    "budget.get": ({ agent }: { agent?: string }) => ({
      scopes: scopeStates(wallet, wallet.scopes.chain(agent ?? DEFAULT_AGENT)),
    }),
  },
});
