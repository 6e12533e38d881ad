// What a draft needs of a chain, for the payments of one client: from the sources that it was given, or from the seller's terms.
// The signer believes none of it: a lie makes a payment that the chain refuses, or one with a higher fee, which is capped.
import { cardanoNetworkId, parseCardanoAddress } from "../protocol/cardano-address.ts";
import { type SolanaContext, solanaContextSchema } from "../protocol/context.ts";
import { toWire } from "../protocol/intent.ts";
import { type Caip2, nameOf, railOf } from "../protocol/networks.ts";
import { MAX_REQUEST_BYTES } from "../protocol/rpc.ts";
import { solanaBytes } from "../protocol/solana-address.ts";
import type { Offer } from "./choose.ts";
import { NoAnswer } from "./context/failover.ts";
import { type ContextFunction, type ContextOption, type Source, sourcesOf } from "./context/sources.ts";

type Offers = readonly [Offer, ...Offer[]];

export interface Account {
  rail: string;
  address: string;
}

export interface Known {
  /** As `payment.sign` takes it; absent where none is needed, or none is to be had. */
  context?: object;
  /** Asking again may bring something newer. */
  cached?: boolean;
  /** Why there is none, for a person. */
  hint?: string;
  cause?: unknown;
}

/** What else is in a request's line: method, session, and what JSON adds. */
const REST_OF_LINE = 1024;

export class Contexts {
  readonly #bring: ContextFunction | undefined;
  readonly #sources: ReadonlyMap<Caip2, Source>;
  readonly #accounts: () => Promise<readonly Account[]>;

  /** `accounts` are the signer's wallet.addresses. Throws USAGE. */
  constructor(option: ContextOption | undefined, accounts: () => Promise<readonly Account[]>) {
    this.#bring = typeof option === "function" ? option : undefined;
    this.#sources = sourcesOf(typeof option === "object" ? option : {});
    this.#accounts = accounts;
  }

  areNeeded({ intent }: Offer): boolean {
    return needsContext(intent.network);
  }

  /** Is there a chance to know what an offer needs? */
  canKnow({ intent, item }: Offer): boolean {
    const { network } = intent;
    return (
      !needsContext(network) ||
      this.#bring !== undefined ||
      this.#sources.has(network) ||
      sellersContext(network, item.extra) !== undefined
    );
  }

  /** For a request to sign. */
  of(offer: Offer): Promise<Known> {
    return this.#of([offer], roomBeside([offer]));
  }

  /** For a quote: by network. */
  async ofAll(offers: Offers): Promise<Record<Caip2, object>> {
    const groups = Map.groupBy(offers, ({ intent }) => intent.network);
    const room = Math.floor(roomBeside(offers) / groups.size);
    const known = await Promise.all(
      [...groups].map(async ([network, group]) => {
        const { context } = await this.#of(group as unknown as Offers, room);
        return context ? ([[network, context]] as const) : [];
      }),
    );
    return Object.fromEntries(known.flat());
  }

  /** False when the wallet is known to hold too little; undefined when that is not known, or the signer can tell. */
  async canPay({ intent: { network, asset, amount } }: Offer): Promise<boolean | undefined> {
    const source = this.#sources.get(network);
    if (source?.rail !== "solana") return undefined;
    const address = await this.#addressOn(network);
    return address === undefined ? undefined : source.canPay(address, asset, amount);
  }

  /** A payment was signed: what it spends is to be seen as spent. */
  spent(network: Caip2): void {
    const source = this.#sources.get(network);
    if (source?.rail === "cardano") source.forgetUtxos();
  }

  forget(network: Caip2): void {
    this.#sources.get(network)?.forget();
  }

  async #of(offers: Offers, room: number): Promise<Known> {
    const [{ intent, item }] = offers;
    const { network } = intent;
    if (!needsContext(network)) return {};
    if (this.#bring) return brought(this.#bring, intent);
    const source = this.#sources.get(network);
    if (!source) {
      const context = sellersContext(network, item.extra);
      return context ? { context } : { hint: notConfigured(network) };
    }
    try {
      return await this.#from(source, offers, room);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return { hint: `no source of the context option has an answer: ${error.message}`, cause: error };
    }
  }

  async #from(source: Source, offers: Offers, room: number): Promise<Known> {
    const [{ intent }] = offers;
    if (source.rail === "solana") {
      // With a memo of the seller's, the blockhash is all that makes two equal payments two transactions.
      if (intent.extra?.memo !== undefined) source.forget();
      return source.context();
    }
    const address = await this.#addressOn(intent.network);
    const assets = [...new Set(offers.map((offer) => offer.intent.asset))];
    return address === undefined ? {} : source.context(address, assets, room);
  }

  /** The account that pays on a network. Cardano's is written in one way on mainnet, in another on the others. */
  async #addressOn(network: Caip2): Promise<string | undefined> {
    const rail = railOf(network);
    const ours = (await this.#accounts()).filter((account) => account.rail === rail);
    const id = cardanoNetworkId(network);
    return ours.find(({ address }) => id === undefined || parseCardanoAddress(address)?.networkId === id)
      ?.address;
  }
}

const needsContext = (network: Caip2): boolean => ["solana", "cardano"].includes(railOf(network) ?? "");

function notConfigured(network: Caip2): string {
  const example =
    railOf(network) === "solana"
      ? "{ rpc: [URL] } }"
      : "{ blockfrost: [{ projectId }] } }, or koios or ogmios";
  return `tell the client where: context: { ${JSON.stringify(nameOf(network))}: ${example}`;
}

const roomBeside = (offers: Offers): number =>
  MAX_REQUEST_BYTES -
  REST_OF_LINE -
  Buffer.byteLength(JSON.stringify(offers.map(({ intent }) => toWire(intent))));

async function brought(bring: ContextFunction, intent: Offer["intent"]): Promise<Known> {
  try {
    const context = await bring(intent);
    return context ? { context } : { hint: "the client's context function gave none" };
  } catch (cause) {
    return { hint: "the client's context function failed", cause };
  }
}

/** A seller on Solana may spare its buyers the question. */
function sellersContext(network: Caip2, extra: Offer["item"]["extra"]): SolanaContext | undefined {
  if (railOf(network) !== "solana") return undefined;
  const { recentBlockhash, lastValidBlockHeight } = extra;
  if (typeof recentBlockhash !== "string" || solanaBytes(recentBlockhash) === undefined) return undefined;
  const height =
    typeof lastValidBlockHeight === "string" ? Number(lastValidBlockHeight) : lastValidBlockHeight;
  const whole = solanaContextSchema.safeParse({ recentBlockhash, lastValidBlockHeight: height });
  return whole.success ? whole.data : { recentBlockhash };
}
