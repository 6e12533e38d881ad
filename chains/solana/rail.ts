// x402 "exact" on Solana: a transfer that the wallet signs and the seller's facilitator pays for and submits.
// Facts: x402 specification, scheme "exact", Solana.
import type { Outflow, PinnedAsset } from "../../protocol/assets.ts";
import { solanaContextSchema } from "../../protocol/context.ts";
import type { Caip2 } from "../../protocol/networks.ts";
import { solanaBytes, solanaText } from "../../protocol/solana-address.ts";
import { type Ed25519, loadEd25519 } from "../ed25519.ts";
import type { Draft, KeyHolder, Order, Rail, Refusal } from "../rail.ts";
import { isMemo, memoOf } from "./memo.ts";
import { decodeMessage, encodeMessage } from "./message.ts";
import { areDistinct, partiesOf, same } from "./parties.ts";
import { proofOf, traceOf } from "./proof.ts";
import { TokenAccounts } from "./token-account.ts";

/** The clusters, by the beginning of the hash of their first block (CAIP-30): mainnet, devnet, testnet. */
const CLUSTERS: ReadonlySet<Caip2> = new Set<Caip2>([
  "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
  "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
  "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
]);

/** 32 zero bytes, for a draft that is made to be priced: no block has this hash, and nothing with it is signed. */
export const NO_BLOCKHASH = "1".repeat(32);
const UNSIGNED = new Uint8Array(64);
const MOST = (1n << 64n) - 1n;
const TEST_MESSAGE = Buffer.from("x402 signer key self-test", "ascii");

export const loadSolanaRail = async (): Promise<Rail> => new SolanaRail(await loadEd25519());

class SolanaRail implements Rail {
  readonly nonceLabel = "x402/solana/1";
  readonly redrafts = false;
  readonly trace = traceOf;
  readonly proof = proofOf;
  readonly #ed25519: Ed25519;
  readonly #accounts: TokenAccounts;

  constructor(ed25519: Ed25519) {
    this.#ed25519 = ed25519;
    this.#accounts = new TokenAccounts(ed25519);
  }

  draft(order: Order, context: unknown): Draft | Refusal {
    const { intent, asset, from, validBefore } = order;
    const refused = refusalOf(order);
    if (refused) return { refused };
    const parties = partiesOf(order, this.#accounts);
    if ("refused" in parties) return parties;
    const memo = memoOf(order);
    if (!memo) return { refused: "MEMO_INVALID" };
    const blockhash = blockhashIn(context, order);
    if (!blockhash) return { refused: "CONTEXT_INVALID" };
    const { amount } = intent;
    const bytes = encodeMessage({ ...parties, memo, blockhash, amount, decimals: asset.decimals });
    const outflow = this.decode(bytes, asset, from);
    return "refused" in outflow ? outflow : { bytes, outflow, expires: validBefore };
  }

  /** Whose account the destination is cannot be told from it: the payee is bound by the draft alone. */
  decode(bytes: Uint8Array, asset: PinnedAsset, from: string): Outflow | Refusal {
    const message = decodeMessage(bytes);
    const owner = solanaBytes(from);
    const mint = solanaBytes(asset.address);
    if (!message || !owner || !mint) return { refused: "INTERNAL" };
    const { authority, source, amount, memo, tokenProgram, decimals } = message;
    const ours =
      same(authority, owner) &&
      same(message.mint, mint) &&
      tokenProgram === asset.tokenProgram &&
      decimals === asset.decimals &&
      same(source, this.#accounts.of(owner, mint, tokenProgram));
    const sound = areDistinct(message) && isMemo(memo) && amount > 0n;
    if (!ours || !sound) return { refused: "INTERNAL" };
    return [{ asset, amount, why: "payment" }];
  }

  /** A transaction of two signatures, ours the second: the fee payer's place stays empty. */
  sign(bytes: Uint8Array, key: KeyHolder) {
    const message = decodeMessage(bytes);
    if (!message) throw new RangeError("not the bytes of a payment");
    if (solanaText(message.blockhash) === NO_BLOCKHASH)
      throw new RangeError("a draft without a blockhash is not signed");
    const signature = key.use((seed) => this.#ed25519.sign(bytes, seed));
    return { transaction: Buffer.concat([Buffer.from([2]), UNSIGNED, signature, bytes]).toString("base64") };
  }

  /** Nothing is spent but a balance. */
  locks(): readonly string[] {
    return [];
  }

  addressOf(key: KeyHolder): string {
    return solanaText(key.use((seed) => this.#ed25519.publicKey(seed)));
  }

  addressOn(network: Caip2, address: string): string | undefined {
    return CLUSTERS.has(network) ? address : undefined;
  }

  selfTest(key: KeyHolder, address: string): boolean {
    const publicKey = solanaBytes(address);
    const signature = key.use((seed) => this.#ed25519.sign(TEST_MESSAGE, seed));
    return publicKey !== undefined && this.#ed25519.verify(TEST_MESSAGE, signature, publicKey);
  }
}

function refusalOf({ intent }: Order): Refusal["refused"] | undefined {
  const { amount, extra, network } = intent;
  if (!CLUSTERS.has(network)) return "NETWORK_NOT_SUPPORTED";
  if (extra?.assetTransferMethod !== undefined) return "TRANSFER_METHOD_NOT_SUPPORTED";
  return amount <= 0n || amount > MOST ? "AMOUNT_TOO_LARGE" : undefined;
}

function blockhashIn(context: unknown, { forQuote }: Order): Uint8Array | undefined {
  const { data } = solanaContextSchema.safeParse(context);
  if (data?.recentBlockhash === NO_BLOCKHASH && !forQuote) return undefined;
  return data && solanaBytes(data.recentBlockhash);
}
