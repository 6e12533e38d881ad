// "Would this pass?", without recording anything: for an agent before it asks, and for the operator's `explain`.
import type { Household } from "../policy/document.ts";
import { evaluate, wireCheck } from "../policy/evaluate.ts";
import { formatUsd } from "../protocol/amount.ts";
import type { PaymentIntent } from "../protocol/intent.ts";
import type { Quote } from "../protocol/shapes.ts";
import { assumedContext } from "./assumed-context.ts";
import { factsOf, holdingOf, refusalCheck } from "./decide.ts";
import { draftPayment } from "./draft.ts";
import { scopesUnder } from "../policy/chain.ts";
import type { Wallet } from "./wallet.ts";

interface For {
  readonly agent: string;
  readonly session?: string;
  /** Another document than the applied one, to try it out. */
  readonly household?: Household;
  /** What is known of the chains, by network. */
  readonly contexts?: Readonly<Partial<Record<string, object>>> | undefined;
}

/** One after another, with a turn for everybody else between two: each may take milliseconds. */
export async function quoteAll(
  wallet: Wallet,
  intents: readonly PaymentIntent[],
  asked: For,
): Promise<Quote[]> {
  const quotes: Quote[] = [];
  for (const intent of intents) {
    if (quotes.length > 0) await turn();
    quotes.push(await quote(wallet, intent, asked));
  }
  return quotes;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

// A nonce says nothing about whether a payment would pass.
const NO_NONCE = new Uint8Array(32);

async function quote(
  wallet: Wallet,
  intent: PaymentIntent,
  { agent, session, household, contexts }: For,
): Promise<Quote> {
  const policy = household ?? wallet.scopes.policy;
  const scopes = household
    ? scopesUnder(household, agent, { unlock: wallet.scopes.unlock?.scope })
    : wallet.scopes.chain(agent, session);
  const drafted = await draftPayment(wallet, {
    agent,
    intent,
    policy,
    from: undefined,
    nonce: () => NO_NONCE,
    context: contexts?.[intent.network] ?? assumedContext(intent),
  });
  if ("refused" in drafted) return { outcome: "decline", checks: [wireCheck(refusalCheck(drafted))] };
  wallet.ledger.lapse();
  const facts = { ...factsOf(wallet, wallet.ledger.books()), holding: holdingOf(wallet, agent) };
  const { outcome, checks, usd, priced } = evaluate(scopes, drafted.payment, facts);
  return { outcome, ...(priced && { usd: formatUsd(usd) }), checks: checks.map(wireCheck) };
}
