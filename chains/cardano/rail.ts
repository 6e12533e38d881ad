// x402 "exact" on Cardano, from address to address: a signed transaction that the seller's facilitator submits. Facts:
// x402 specification, scheme "exact", Cardano, asset transfer method "default".
import { LOVELACE, type Outflow, type PinnedAsset } from "../../protocol/assets.ts";
import {
  cardanoAddressOn,
  cardanoNetworkId,
  cardanoText,
  parseCardanoAddress,
} from "../../protocol/cardano-address.ts";
import type { Look } from "../../protocol/finding.ts";
import { type Ed25519, loadEd25519 } from "../ed25519.ts";
import type { Draft, KeyHolder, Order, Rail, Refusal } from "../rail.ts";
import { type Body, type Value, decodeBody, inputName, transactionHash } from "./body.ts";
import type { Plan } from "./build.ts";
import { raised } from "./fee.ts";
import { isSame, outflowOf } from "./outflow.ts";
import { proofOf, traceOf } from "./proof.ts";
import { spend } from "./select.ts";
import { slotAt } from "./slots.ts";
import { signedTransaction } from "./transaction.ts";
import { MAX_TOKEN, type Wallet, readWallet } from "./wallet.ts";

/** The first byte of an address of a key alone, on mainnet (CIP-19). */
const ENTERPRISE_MAINNET = 0x61;
const TEST_TEXT = Buffer.from("x402 signer key self-test", "ascii");

export const loadCardanoRail = async (): Promise<Rail> => new CardanoRail(await loadEd25519());

class CardanoRail implements Rail {
  /** Nothing in a body is made of it: the nonce of a payment is an input, which can be spent once. */
  readonly nonceLabel = "x402/cardano/1";
  readonly redrafts = true;
  readonly addressOn = cardanoAddressOn;
  readonly #ed25519: Ed25519;

  constructor(ed25519: Ed25519) {
    this.#ed25519 = ed25519;
  }

  draft(order: Order, context: unknown): Draft | Refusal {
    const { intent, asset, from, lockedUntil, validBefore } = order;
    const refused = refusalOf(order);
    if (refused) return { refused };
    const wallet = readWallet(context);
    if (!wallet) return { refused: "CONTEXT_INVALID" };
    const plan = planOf(order, wallet);
    const nonce = nonceOf(order, wallet);
    if (!plan) return { refused: "INTERNAL" };
    if (nonce === "gone") return { refused: "INTENT_UNRESOLVED" };
    const { coins } = wallet;
    const bytes = spend(plan, { coins, nonce, lockedUntil: ({ name }) => lockedUntil(name) });
    if ("refused" in bytes) return bytes;
    const outflow = outflowOf(bytes, asset, from);
    const asked = outflow && apart(outflow, intent.amount);
    return asked ? { bytes, outflow: asked, expires: validBefore } : { refused: "INTERNAL" };
  }

  decode(bytes: Uint8Array, asset: PinnedAsset, from: string): Outflow | Refusal {
    return outflowOf(bytes, asset, from) ?? { refused: "INTERNAL" };
  }

  sign(bytes: Uint8Array, key: KeyHolder) {
    const [nonce] = bodyOf(bytes).inputs;
    if (!nonce) throw new RangeError("a body without inputs");
    const hash = transactionHash(this.#ed25519, bytes);
    const { signature, publicKey } = key.use((secret) => this.#ed25519.signed(hash, secret));
    const transaction = signedTransaction(bytes, publicKey, signature);
    return { transaction: Buffer.from(transaction).toString("base64"), nonce: inputName(nonce) };
  }

  locks(bytes: Uint8Array): readonly string[] {
    return bodyOf(bytes).inputs.map(inputName);
  }

  trace(bytes: Uint8Array) {
    return traceOf(this.#ed25519, bytes);
  }

  proof(bytes: Uint8Array, look: Look) {
    return proofOf(this.#ed25519, bytes, look);
  }

  addressOf(key: KeyHolder): string {
    return cardanoText(Uint8Array.of(ENTERPRISE_MAINNET, ...this.#keyHash(key)));
  }

  selfTest(key: KeyHolder, address: string): boolean {
    const hash = parseCardanoAddress(address)?.paymentHash;
    const signature = key.use((secret) => this.#ed25519.sign(TEST_TEXT, secret));
    const signs = this.#ed25519.verify(TEST_TEXT, signature, this.#publicKey(key));
    return signs && hash !== undefined && isSame(hash, this.#keyHash(key));
  }

  #publicKey(key: KeyHolder): Uint8Array {
    return key.use((secret) => this.#ed25519.publicKey(secret));
  }

  #keyHash(key: KeyHolder): Uint8Array {
    return this.#ed25519.blake2b(this.#publicKey(key), 28);
  }
}

function bodyOf(bytes: Uint8Array): Body {
  const body = decodeBody(bytes);
  if (!body) throw new RangeError("not the bytes of a transaction's body");
  return body;
}

function refusalOf({ intent, from }: Order): Refusal["refused"] | undefined {
  const { extra, payTo, amount, network } = intent;
  const networkId = cardanoNetworkId(network);
  if (networkId === undefined) return "NETWORK_NOT_SUPPORTED";
  if (extra?.assetTransferMethod !== undefined && extra.assetTransferMethod !== "default")
    return "TRANSFER_METHOD_NOT_SUPPORTED";
  const payee = parseCardanoAddress(payTo);
  const payer = parseCardanoAddress(from);
  if (payee?.networkId !== networkId) return "INVALID_PAYEE";
  // Whatever stands in the stake part: it is the payment key that spends.
  if (payer && isSame(payee.paymentHash, payer.paymentHash)) return "SELF_PAYMENT";
  return amount <= 0n || amount > MAX_TOKEN ? "AMOUNT_TOO_LARGE" : undefined;
}

/** Undefined for an account or a time that this network does not have. */
function planOf({ intent, asset, from, validBefore }: Order, { parameters }: Wallet): Plan | undefined {
  const payee = parseCardanoAddress(intent.payTo);
  const payer = parseCardanoAddress(from);
  const ttl = slotAt(intent.network, validBefore);
  if (!payee || !payer || ttl === undefined) return undefined;
  const value: Value =
    asset.address === LOVELACE
      ? { lovelace: intent.amount, tokens: new Map() }
      : { lovelace: 0n, tokens: new Map([[asset.address, intent.amount]]) };
  const payment = raised({ address: payee.bytes, value }, parameters);
  return { payment, change: payer.bytes, ttl, parameters };
}

/** The input that a new draft must spend because the one before does; "gone" when the client does not name it. */
function nonceOf({ before }: Order, { coins }: Wallet): Wallet["coins"][number] | "gone" | undefined {
  if (!before) return undefined;
  const [input] = bodyOf(before).inputs;
  return coins.find(({ name }) => input && name === inputName(input)) ?? "gone";
}

/** What the payee gets above the amount that was asked for is min-ADA. Undefined when it is less, or another token's. */
function apart(outflow: Outflow, amount: bigint): Outflow | undefined {
  const [paid, ...others] = outflow;
  if (!paid || paid.amount < amount) return undefined;
  if (paid.amount === amount) return outflow;
  const { asset } = paid;
  if (asset.address !== LOVELACE) return undefined;
  return [
    { asset, amount, why: "payment" },
    { asset, amount: paid.amount - amount, why: "minAda" },
    ...others,
  ];
}
