// What the operator may ask. Everything here is for a human at a command; nothing that touches a network gets it.
import { type Household, parseDocument, compileHousehold } from "../policy/document.ts";
import { assetRegistry } from "../protocol/assets.ts";
import { X402Error } from "../protocol/errors.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import { OPERATOR_METHODS, type ParamsOf } from "../protocol/methods.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import { acceptFound, inspectFound } from "./accept.ts";
import { approvalHandlers } from "./approvals.ts";
import { auditPage } from "./audit.ts";
import { fillCounters } from "./fill.ts";
import { freeze, unfreeze } from "./freeze.ts";
import { type HistoryFilter, history } from "./history.ts";
import { railsUnder } from "./rails.ts";
import { receiptFor } from "./receipt.ts";
import { quoteAll } from "./quote.ts";
import { scopeStates, status } from "./report.ts";
import { type Caller, type Role, byCaller } from "./sockets/role.ts";
import type { Wallet } from "./wallet.ts";

type ForAgent = { agent?: string };

/** `openAgents`: the agents whose sockets are open. */
export const operatorRole = (wallet: Wallet, openAgents: readonly string[]): Role => ({
  schemas: OPERATOR_METHODS,
  handlers: {
    "signer.status": (_: object, caller: Caller) => wholeStatus(wallet, caller),
    "vault.offer": () => ({ ...wallet.knownVault, publicKey: wallet.offer(), ledger: wallet.ledger.head() }),
    "vault.unlock": (params: ParamsOf<"vault.unlock">, caller: Caller) => {
      wallet.unlock(params, byCaller(caller));
      return wholeStatus(wallet, caller);
    },
    "vault.lock": (_: object, caller: Caller) => {
      wallet.lock("the operator locked", byCaller(caller));
      return wholeStatus(wallet, caller);
    },
    "policy.get": () => appliedPolicy(wallet),
    "policy.apply": (params: ParamsOf<"policy.apply">, caller: Caller) => ({
      ...applyDocument(wallet, params, caller),
      restartFor: wallet.scopes.agents().filter((agent) => !openAgents.includes(agent)),
      restartForRails: railsUnder(wallet.scopes.policy).filter((rail) => !wallet.rails.has(rail)),
    }),
    ...approvalHandlers(wallet, "operator"),
    "agent.freeze": ({ agent }: ForAgent, caller: Caller) =>
      freeze(wallet, { agent, withIds: true, fields: byCaller(caller) }),
    "agent.unfreeze": ({ agent }: ForAgent, caller: Caller) => unfreeze(wallet, agent, byCaller(caller)),
    "payment.quote": (asked: Asked) => quoteFor(wallet, asked),
    "budget.get": ({ agent, session }: ForAgent & { session?: string }) => ({
      scopes: scopeStates(wallet, wallet.scopes.chain(agent ?? DEFAULT_AGENT, session)),
    }),
    "history.list": (filter: HistoryFilter) => history(wallet.ledger, filter),
    "receipt.get": ({ agent, id }: ForAgent & { id: string }) => ({
      receipt: receiptFor(wallet, agent ?? DEFAULT_AGENT, id),
    }),
    ...priceHandlers(wallet),
    "ledger.inspect": () => inspectFound(wallet),
    "ledger.accept": (asked: ParamsOf<"ledger.accept">, by: Caller) => acceptFound(wallet, asked, by),
    "audit.query": (page: { after: number; limit?: number }) => auditPage(wallet, page),
  },
});

type Asked = { intents: PaymentIntent[]; document?: unknown } & ForAgent;

/** Throws AGENT_UNKNOWN for a name that the document does not have: a typing error must not look like a freeze. */
function quoteFor(wallet: Wallet, { intents, agent = DEFAULT_AGENT, document }: Asked) {
  const household = document === undefined ? undefined : householdOf(document);
  const agents = (household ?? wallet.scopes.policy)?.agents;
  if (agents && agent !== DEFAULT_AGENT && !agents.has(agent)) throw new X402Error("AGENT_UNKNOWN", agent);
  return quoteAll(wallet, intents, { agent, ...(household && { household }) });
}

const householdOf = (document: unknown): Household => compileHousehold(parseDocument(document));

/** The household, the unlock and every agent. */
export function wholeStatus(wallet: Wallet, caller: Caller) {
  const all = wallet.scopes.agents().flatMap((agent) => wallet.scopes.chain(agent));
  return status(wallet, [...new Map(all.map((scope) => [scope.id, scope])).values()], caller);
}

const priceHandlers = (wallet: Wallet) => ({
  "price.set": (params: ParamsOf<"price.set">, caller: Caller) => setPrice(wallet, params, caller),
  "price.list": () => ({ prices: wallet.prices.list(wallet.ledger.latest()) }),
});

/** A symbol that no asset has is a typing error: the price would never be asked for. */
function setPrice(wallet: Wallet, params: ParamsOf<"price.set">, caller: Caller) {
  const registry = wallet.scopes.policy?.registry ?? assetRegistry();
  if (![...registry.values()].some(({ symbol }) => symbol === params.symbol))
    throw new X402Error("INVALID_REQUEST", `no asset here has the symbol ${params.symbol}`);
  wallet.prices.set(params, byCaller(caller));
  return { head: wallet.ledger.head() };
}

function applyDocument(wallet: Wallet, { document, base }: ParamsOf<"policy.apply">, caller: Caller) {
  const fill = (next: Household) => fillCounters(wallet, next);
  const { version, hash } = wallet.scopes.apply(document, base, fill, byCaller(caller));
  return { version, hash, head: wallet.ledger.head() };
}

function appliedPolicy({ scopes, ledger }: Wallet) {
  const { policy } = scopes;
  if (!policy) return { base: "", head: ledger.head() };
  const { version, hash, appliedAt, document } = policy;
  return {
    policy: { version, hash, appliedAt: new Date(appliedAt).toISOString(), document },
    base: hash,
    head: ledger.head(),
  };
}
