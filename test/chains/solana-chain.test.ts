// Drafts of ours on a cluster: verified and co-signed by the reference facilitator, executed by the real token programs;
// and beside the reference client's own transaction for the same terms.
import { createKeyPairSignerFromPrivateKeyBytes } from "@solana/kit";
import { ExactSvmScheme } from "@x402/svm/exact/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Draft } from "../../chains/rail.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import type { PinnedAsset } from "../../protocol/assets.ts";
import { BLOCKHASH_LIFE } from "../counterparts/solana-blocks.ts";
import { type SolanaChain, USDC, startSolanaChain } from "../counterparts/solana-chain.ts";
import { startSolanaFacilitator } from "../counterparts/solana-facilitator.ts";
import { TOKEN_2022, type Token } from "../counterparts/solana-tokens.ts";
import { byKit } from "./solana-oracles.ts";
import {
  type Change,
  DEVNET_USDC,
  PAYEE,
  PAYER,
  SEED,
  keyOf,
  orderOf,
  seedOf,
  walletOf,
} from "./solana-orders.ts";

const rail = await loadSolanaRail();
const STRANGER = walletOf(seedOf(9));
const ALL = 5_000_000n;

let chain: SolanaChain;
let facilitator: Awaited<ReturnType<typeof startSolanaFacilitator>>;
beforeEach(async () => {
  chain = await startSolanaChain(1_800_000_000);
  facilitator = await startSolanaFacilitator(chain);
  chain.mint(PAYER, ALL);
  chain.mint(PAYEE, 0n);
  chain.mint(STRANGER, 0n);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await chain.close();
});

const messageOf = (transaction: string): Buffer => Buffer.from(transaction, "base64").subarray(129);

/** What a seller asks, in x402's terms. */
const termsOf = ({ amount = 10_000n, asset = DEVNET_USDC, payTo = PAYEE, memo }: Change) => ({
  ...{ scheme: "exact", network: asset.network, asset: asset.address, amount: amount.toString() },
  ...{ payTo, maxTimeoutSeconds: 60 },
  extra: { feePayer: facilitator.feePayer, ...(memo === undefined ? {} : { memo }) },
});
type Terms = ReturnType<typeof termsOf>;

function signed(change: Change = {}): string {
  const order = orderOf({ ...change, feePayer: facilitator.feePayer });
  const drafted = rail.draft(order, chain.ledger.context()) as Draft;
  return (rail.sign(drafted.bytes, keyOf(SEED)) as { transaction: string }).transaction;
}

const paymentOf = (accepted: Terms, transaction: string) => ({
  ...{ x402Version: 2, accepted, payload: { transaction } },
});
const verify = (terms: Terms, transaction: string) =>
  facilitator.verify(paymentOf(terms, transaction), terms);
const settle = (terms: Terms, transaction: string) =>
  facilitator.settle(paymentOf(terms, transaction), terms);
const balances = (token: Token = USDC): bigint[] =>
  [PAYER, PAYEE, STRANGER].map((owner) => chain.balanceOf(owner, token));

describe("a payment", () => {
  it.each([
    ["without a memo", {}],
    ["with a short one", { memo: "invoice 7" }],
    ["with the longest", { memo: "x".repeat(256) }],
    ["with the longest, of four bytes each", { memo: "🤑".repeat(64) }],
    ["of one unit", { amount: 1n }],
    ["of all there is", { amount: ALL }],
  ] satisfies [string, Change][])(
    "%s is verified, settled and moves exactly that",
    async (_, change: Change) => {
      const [terms, transaction] = [termsOf(change), signed(change)];
      expect(await verify(terms, transaction)).toMatchObject({ isValid: true, payer: PAYER });
      const lamports = chain.ledger.svm.getBalance(PAYER as never);
      expect(await settle(terms, transaction)).toMatchObject({ success: true, payer: PAYER });
      const amount = change.amount ?? 10_000n;
      expect(balances()).toEqual([ALL - amount, amount, 0n]);
      expect(chain.ledger.svm.getBalance(PAYER as never)).toBe(lamports); // the fee is not ours
    },
  );

  it("of a Token-2022 mint, with its decimals", async () => {
    const token = { mint: walletOf(seedOf(50)), program: TOKEN_2022, decimals: 9 };
    const asset: PinnedAsset = {
      ...DEVNET_USDC,
      ...{ address: token.mint, tokenProgram: "token-2022", decimals: token.decimals },
    };
    chain.ledger.addMint(token);
    chain.mint(PAYER, 2n ** 63n, token);
    chain.mint(PAYEE, 5n, token);
    const change = { asset, amount: 2n ** 63n - 1n };
    expect(await settle(termsOf(change), signed(change))).toMatchObject({ success: true });
    expect(balances(token)).toEqual([1n, 2n ** 63n + 4n, 0n]);
  });

  it("settles once, and the same intent gives the same transaction", async () => {
    const [terms, transaction] = [termsOf({}), signed()];
    expect(await settle(terms, transaction)).toMatchObject({ success: true });
    const { wire } = chain.ledger.blocks.ofAccount(facilitator.feePayer)[0]!.transaction;
    expect(messageOf(wire).equals(messageOf(transaction))).toBe(true);
    expect(
      Buffer.from(wire, "base64").subarray(65).equals(Buffer.from(transaction, "base64").subarray(65)),
    ).toBe(true);
    // What the facilitator has completed, sent again by anybody.
    expect(chain.ledger.send(wire)).toEqual({ refused: "AlreadyProcessed" });
    expect(balances()).toEqual([ALL - 10_000n, 10_000n, 0n]);
  });

  it("of another intent with the same terms settles beside it, under the same blockhash", async () => {
    const two = [seedOf(7), seedOf(8)].map((nonce) => signed({ nonce }));
    for (const transaction of two)
      expect(await settle(termsOf({}), transaction)).toMatchObject({ success: true });
    expect(balances()).toEqual([ALL - 20_000n, 20_000n, 0n]);
  });

  it("is one of twenty at once, each of which moves its own", async () => {
    const changes = Array.from({ length: 20 }, (_, index) => ({
      nonce: seedOf(100 + index),
      amount: 1n << BigInt(index),
    }));
    const settled = await Promise.all(changes.map((change) => settle(termsOf(change), signed(change))));
    expect(settled.map(({ success }) => success)).toEqual(Array(20).fill(true));
    expect(balances()).toEqual([ALL - 0xfffffn, 0xfffffn, 0n]);
  });

  it("of two intents with the seller's one memo is one transaction, which settles once", async () => {
    const change = { memo: "invoice 7" };
    const two = [seedOf(7), seedOf(8)].map((nonce) => signed({ ...change, nonce }));
    expect(two[0]).toBe(two[1]);
    expect(await settle(termsOf(change), two[0]!)).toMatchObject({ success: true });
    expect(await settle(termsOf(change), two[1]!)).toMatchObject({ errorReason: "duplicate_settlement" });
    expect(balances()).toEqual([ALL - 10_000n, 10_000n, 0n]);
  });

  it("lives as long as its blockhash", async () => {
    const [first, second] = [seedOf(7), seedOf(8)].map((nonce) => signed({ nonce }));
    chain.advance({ blocks: BLOCKHASH_LIFE });
    expect(await settle(termsOf({}), first!)).toMatchObject({ success: true });
    expect(await settle(termsOf({}), second!)).toMatchObject({ success: false });
    expect(balances()).toEqual([ALL - 10_000n, 10_000n, 0n]);
  });

  it("of more than there is moves nothing", async () => {
    const change = { amount: ALL + 1n };
    expect(await verify(termsOf(change), signed(change))).toMatchObject({ isValid: false });
    expect(balances()).toEqual([ALL, 0n, 0n]);
  });
});

describe("the reference facilitator refuses our transaction", () => {
  it.each([
    ["more", { amount: 10_001n }, "amount_mismatch"],
    ["less", { amount: 9_999n }, "amount_mismatch"],
    ["another payee", { payTo: STRANGER }, "recipient_mismatch"],
    ["another memo", { memo: "invoice 8" }, "memo_mismatch"],
    ["another token", { asset: { ...DEVNET_USDC, address: STRANGER } }, "mint_mismatch"],
  ] satisfies [string, Change, string][])("when the terms ask for %s", async (_, change: Change, reason) => {
    const { isValid, invalidReason } = await verify(
      termsOf({ memo: "invoice 7", ...change }),
      signed({ memo: "invoice 7" }),
    );
    expect([isValid, invalidReason]).toEqual([false, expect.stringContaining(reason)]);
  });
});

it("the reference facilitator refuses what another key has signed", async () => {
  const drafted = rail.draft(orderOf({ feePayer: facilitator.feePayer }), chain.ledger.context()) as Draft;
  const { transaction } = rail.sign(drafted.bytes, keyOf(seedOf(66))) as { transaction: string };
  expect(await verify(termsOf({}), transaction)).toMatchObject({ isValid: false });
});

describe("a transaction that was altered after we signed it", () => {
  it("moves nothing, whatever bit was changed", async () => {
    vi.spyOn(console, "error").mockReturnValue(); // the facilitator tells of each
    const wire = Buffer.from(signed(), "base64");
    const own = [...Array(64 + wire.length - 129).keys()].map((offset) => 65 + offset);
    // One bit of every byte of our signature and of the message.
    for (const at of own) {
      const altered = Buffer.from(wire);
      altered[at]! ^= 1 << (at & 7);
      const { isValid } = await verify(termsOf({}), altered.toString("base64")).catch(() => ({
        isValid: false,
      }));
      expect(isValid, `byte ${at}`).toBe(false);
    }
    expect(balances()).toEqual([ALL, 0n, 0n]);
  });

  it("is refused by the cluster too, when the facilitator completes it unread", async () => {
    const key = await createKeyPairSignerFromPrivateKeyBytes(seedOf(3));
    chain.ledger.airdrop(key.address);
    const drafted = rail.draft(orderOf({ feePayer: key.address }), chain.ledger.context()) as Draft;
    const complete = async (bytes: Uint8Array): Promise<string> => {
      const { transaction } = rail.sign(drafted.bytes, keyOf(SEED)) as { transaction: string };
      const [signatures] = await key.signMessages([{ content: bytes, signatures: {} }]);
      const ours = Buffer.from(transaction, "base64").subarray(65, 129);
      return Buffer.concat([Buffer.from([2]), signatures![key.address]!, ours, bytes]).toString("base64");
    };
    // The payee's account, the mint, the compute limit and price, the amount, the memo.
    for (const at of [110, 140, 299, 306, 322, drafted.bytes.length - 3]) {
      const altered = Uint8Array.from(drafted.bytes);
      altered[at]! ^= 1;
      expect(chain.ledger.send(await complete(altered))).toHaveProperty("refused");
    }
    expect(balances()).toEqual([ALL, 0n, 0n]);
    expect(chain.ledger.send(await complete(drafted.bytes))).toMatchObject({ err: null });
    expect(balances()).toEqual([ALL - 10_000n, 10_000n, 0n]);
  });
});

describe("the reference client's transaction for the same terms", () => {
  const reference = async (change: Change): Promise<string> => {
    const signer = await createKeyPairSignerFromPrivateKeyBytes(SEED);
    const { recentBlockhash } = chain.ledger.context();
    const terms = termsOf(change);
    const asked = { ...terms, extra: { ...terms.extra, recentBlockhash } };
    const { payload } = await new ExactSvmScheme(signer, { rpcUrl: chain.url }).createPaymentPayload(
      2,
      asked,
    );
    return (payload as { transaction: string }).transaction;
  };

  it("says the same with the same memo: it differs in the order of its keys alone", async () => {
    const change = { memo: "invoice 7", amount: 12_345n };
    const [theirs, ours] = [await reference(change), signed(change)].map((wire) =>
      Buffer.from(wire, "base64"),
    );
    expect(byKit(ours!.subarray(129))).toEqual(byKit(theirs!.subarray(129)));
    expect(ours!.length).toBe(theirs!.length);
    const keys = (wire: Buffer) =>
      Array.from({ length: 8 }, (_, index) => wire.toString("hex", 134 + 32 * index, 166 + 32 * index));
    expect(keys(ours!).slice(0, 2)).toEqual(keys(theirs!).slice(0, 2));
    expect(keys(ours!).sort()).toEqual(keys(theirs!).sort());
    expect(ours!.subarray(0, 65).equals(theirs!.subarray(0, 65))).toBe(true);
  });

  it("differs without one in the nonce, which is ours by the intent and theirs by chance", async () => {
    const [theirs, ours] = [await reference({}), signed()].map((wire) => byKit(messageOf(wire)));
    const [note, other] = [theirs!.instructions.pop()!, ours!.instructions.pop()!];
    expect(ours).toEqual(theirs);
    expect(note).toMatchObject({ program: other.program, accounts: [] });
    expect(note.data).toHaveLength(other.data.length);
    expect(Buffer.from(other.data, "hex").toString()).toBe("07".repeat(16));
  });
});
