// What an agent may ask, on the socket that says which agent it is.
import { cardanoAddressOn } from "../protocol/cardano-address.ts";
import { AGENT_METHODS, type ParamsOf, type SignParams } from "../protocol/methods.ts";
import { approvalOf } from "./approvals.ts";
import { history } from "./history.ts";
import type { Journal } from "./journal.ts";
import { presentReceipt, receiptFor } from "./receipt.ts";
import { pay } from "./pay.ts";
import { quoteAll } from "./quote.ts";
import { scopeStates, status } from "./report.ts";
import { type Caller, type Role, byCaller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

type InSession = { session?: string };

/** A Cardano account is written in two ways, one for mainnet and one for every test network. */
function asWritten({
  rail,
  address,
}: {
  rail: string;
  address: string;
}): { rail: string; address: string }[] {
  const test = rail === "cardano" ? cardanoAddressOn("cardano:preprod", address) : undefined;
  return [{ rail, address }, ...(test === undefined ? [] : [{ rail, address: test }])];
}

export const agentRole = (wallet: Wallet, agent: string, journal: Journal): Role => ({
  schemas: AGENT_METHODS,
  handlers: {
    "signer.status": (_: object, caller: Caller) => status(wallet, wallet.scopes.chain(agent), caller, agent),
    "wallet.addresses": () => ({ accounts: wallet.accounts().flatMap(asWritten) }),
    "session.open": ({ policy }: { policy: unknown }, caller: Caller) => {
      const { id, endsAt } = wallet.scopes.open(agent, policy, byCaller(caller));
      return { session: id, endsAt: new Date(endsAt).toISOString() };
    },
    "session.close": ({ session }: { session: string }, caller: Caller) => {
      wallet.scopes.close(agent, session, byCaller(caller));
      return {};
    },
    "payment.quote": ({ intents, session, contexts }: ParamsOf<"payment.quote">) =>
      quoteAll(wallet, intents, { agent, contexts, ...(session === undefined ? {} : { session }) }),
    "payment.sign": async (params: SignParams, caller: Caller) => {
      const result = await pay(wallet, { agent, peer: caller.peer }, params);
      journal.decision(agent, params.intent, result, caller);
      return result;
    },
    "approval.get": (params: ParamsOf<"approval.get">) => approvalOf(wallet, agent, params),
    "budget.get": ({ session }: InSession) => ({
      scopes: scopeStates(wallet, wallet.scopes.chain(agent, session)),
    }),
    "history.list": (page: { limit?: number; before?: number }) => history(wallet.ledger, { ...page, agent }),
    "receipt.get": ({ id }: { id: string }) => ({ receipt: receiptFor(wallet, agent, id) }),
    "receipt.present": ({ receipt }: { receipt: string }) => {
      presentReceipt(wallet, receipt);
      return {};
    },
  },
});
