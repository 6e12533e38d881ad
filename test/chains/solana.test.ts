// What the Solana rail drafts and signs, and each thing it refuses.
import { PublicKey, VersionedTransaction } from "@solana/web3.js";
import fc from "fast-check";
import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Draft, Refusal } from "../../chains/rail.ts";
import { decodeMessage, encodeMessage } from "../../chains/solana/message.ts";
import { NO_BLOCKHASH, loadSolanaRail } from "../../chains/solana/rail.ts";
import type { PinnedAsset } from "../../protocol/assets.ts";
import { solanaBytes, solanaText } from "../../protocol/solana-address.ts";
import { SPL_TOKEN, TOKEN_2022, tokenAccountOf } from "../counterparts/solana-tokens.ts";
import * as at from "./solana-orders.ts";

const rail = await loadSolanaRail();
const { CONTEXT, DEVNET_USDC, PAYEE, PAYER, SEED, keyOf, orderOf, seedOf, walletOf } = at;
const programOf = ({ tokenProgram }: PinnedAsset) => (tokenProgram === "token-2022" ? TOKEN_2022 : SPL_TOKEN);
const accountOf = (owner: string, asset: PinnedAsset = DEVNET_USDC): string =>
  tokenAccountOf(owner, { mint: asset.address, program: programOf(asset) });

const draft = (change: at.Change = {}, context: unknown = CONTEXT) =>
  rail.draft(orderOf(change), context) as Draft | Refusal;
const bytesOf = (change: at.Change = {}, context: unknown = CONTEXT): Uint8Array => {
  const drafted = draft(change, context);
  if ("refused" in drafted) throw new Error(drafted.refused);
  return drafted.bytes;
};
const refusal = (change: at.Change, context: unknown = CONTEXT) => {
  const drafted = draft(change, context);
  return "refused" in drafted ? drafted.refused : "none";
};

describe("a draft", () => {
  it("says in its bytes what was ordered, and nothing else", () => {
    fc.assert(
      fc.property(at.drafted, ({ order, recentBlockhash }) => {
        const { asset, from, intent, nonce } = order;
        const drafted = rail.draft(order, { recentBlockhash, lastValidBlockHeight: 5 }) as Draft;
        const { memo, ...read } = decodeMessage(drafted.bytes)!;
        const written = Object.entries(read).map(([name, value]) => [
          name,
          value instanceof Uint8Array ? solanaText(value) : value,
        ]);
        expect(Object.fromEntries(written)).toEqual({
          feePayer: intent.extra?.feePayer,
          authority: from,
          source: accountOf(from, asset),
          destination: accountOf(intent.payTo, asset),
          mint: asset.address,
          tokenProgram: asset.tokenProgram,
          blockhash: recentBlockhash,
          amount: intent.amount,
          decimals: asset.decimals,
        });
        const words = intent.extra?.memo ?? "";
        const hex = Buffer.from(nonce.subarray(0, 16)).toString("hex");
        expect(Buffer.from(memo).toString("utf8")).toBe(words === "" ? hex : words);
        expect(drafted.outflow).toEqual([{ asset, amount: intent.amount, why: "payment" }]);
        expect(drafted.expires).toBe(order.validBefore);
        expect(rail.decode(drafted.bytes, asset, from)).toEqual(drafted.outflow);
        expect(rail.draft(order, { recentBlockhash })).toEqual(drafted);
      }),
      { numRuns: 1000 },
    );
  });

  it("is another one for another intent with the same terms, by the memo alone", () => {
    const [one, two] = [seedOf(7), seedOf(8)].map((nonce) => decodeMessage(bytesOf({ nonce }))!);
    expect({ ...one, memo: two!.memo }).toEqual(two);
    expect(Buffer.from(one!.memo).toString()).toBe("07".repeat(16));
  });

  it("takes a payee that is the fee payer, or has no key behind it", () => {
    const vault = PublicKey.findProgramAddressSync([Buffer.from("vault")], new PublicKey(PAYEE))[0];
    expect(refusal({ payTo: at.FEE_PAYER })).toBe("none");
    expect(refusal({ payTo: vault.toBase58() })).toBe("none");
  });

  it("takes memos up to 256 bytes of UTF-8", () => {
    for (const memo of ["a", "a".repeat(256), "\u0000", "€".repeat(85), "🤑".repeat(64), "\ufeffbom"])
      expect(refusal({ memo })).toBe("none");
    for (const memo of ["a".repeat(257), "€".repeat(86), "🤑".repeat(65), "\ud800", "a\udc00"])
      expect(refusal({ memo })).toBe("MEMO_INVALID");
  });
});

describe("no draft is made", () => {
  it.each([
    ["nobody, who is the system program", "1".repeat(32)],
    ["the mint", DEVNET_USDC.address],
    ["the payer's own token account", accountOf(PAYER)],
    ["the token program", SPL_TOKEN],
    ["the other token program", TOKEN_2022],
    ["the memo program", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"],
    ["the compute budget program", "ComputeBudget111111111111111111111111111111"],
    ["the associated token program", "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"],
    ["31 bytes", solanaText(new Uint8Array(31).fill(9))],
    ["33 bytes", solanaText(new Uint8Array(33).fill(9))],
    ["a text that is not base58", `0${PAYEE.slice(1)}`],
    ["zeros too many", `1${PAYEE}`],
    ["an account elsewhere", "0x1111111111111111111111111111111111111111"],
    ["nothing", ""],
  ])("for %s", (_, payTo) => {
    expect(refusal({ payTo })).toBe("INVALID_PAYEE");
  });

  it("for the wallet itself", () => {
    expect(refusal({ payTo: PAYER })).toBe("SELF_PAYMENT");
  });

  it.each([
    ["that is missing", undefined],
    ["that is nothing", ""],
    ["that is the wallet", PAYER],
    ["that is the payer's token account", accountOf(PAYER)],
    ["that is the payee's token account", accountOf(PAYEE)],
    ["that is the mint", DEVNET_USDC.address],
    ["that is the token program", SPL_TOKEN],
    ["that is the memo program", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"],
    ["that is nobody", "1".repeat(32)],
    ["that is no address", "facilitator"],
    ["of 31 bytes", solanaText(new Uint8Array(31).fill(9))],
  ])("with a fee payer %s", (_, feePayer) => {
    expect(refusal({ feePayer })).toBe("FEE_PAYER_INVALID");
  });

  it.each(["eip3009", "default", "", "exact"])("by the transfer method %j", (method) => {
    expect(refusal({ method })).toBe("TRANSFER_METHOD_NOT_SUPPORTED");
  });

  it("of an amount that is no uint64, or is nothing", () => {
    expect(refusal({ amount: 2n ** 64n - 1n })).toBe("none");
    for (const amount of [0n, -1n, 2n ** 64n, 2n ** 256n])
      expect(refusal({ amount })).toBe("AMOUNT_TOO_LARGE");
  });

  it.each(["eip155:8453", "cardano:mainnet", "solana:devnet", "solana:", `${DEVNET_USDC.network}x`] as const)(
    "on %s",
    (network) => {
      expect(refusal({ network })).toBe("NETWORK_NOT_SUPPORTED");
    },
  );

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["no blockhash", {}],
    ["an empty one", { recentBlockhash: "" }],
    ["one that is a number", { recentBlockhash: 7 }],
    ["one of 31 bytes", { recentBlockhash: solanaText(new Uint8Array(31).fill(9)) }],
    ["one of 33 bytes", { recentBlockhash: solanaText(new Uint8Array(33).fill(9)) }],
    ["one that is not base58", { recentBlockhash: "l".repeat(44) }],
    ["something else beside it", { ...CONTEXT, feePayer: PAYEE }],
    ["the one that only a quote may have", { recentBlockhash: NO_BLOCKHASH }],
    ["a height that is none", { ...CONTEXT, lastValidBlockHeight: -1 }],
  ])("when the context is %s", (_, context) => {
    expect(rail.draft(orderOf(), context)).toEqual({ refused: "CONTEXT_INVALID" });
  });

  it("of a token whose program is not known, or for an account that is none", () => {
    const { tokenProgram: _, ...asset } = DEVNET_USDC;
    expect(refusal({ asset })).toBe("INTERNAL");
    expect(refusal({ from: "nobody" })).toBe("INTERNAL");
  });
});

describe("a signature", () => {
  it("is in the second place, over the draft; the first is the fee payer's and empty", () => {
    fc.assert(
      fc.property(at.bytes32, at.drafted, (seed, { order, recentBlockhash }) => {
        const { bytes } = rail.draft({ ...order, from: walletOf(seed) }, { recentBlockhash }) as Draft;
        const payload = rail.sign(bytes, keyOf(seed)) as { transaction: string };
        expect(Object.keys(payload)).toEqual(["transaction"]);
        const wire = Buffer.from(payload.transaction, "base64");
        expect(wire.toString("base64")).toBe(payload.transaction);
        const { signatures, message } = VersionedTransaction.deserialize(wire);
        expect(signatures.map(({ length }) => length)).toEqual([64, 64]);
        expect(signatures[0]!.every((byte) => byte === 0)).toBe(true);
        expect(Buffer.from(message.serialize()).equals(bytes)).toBe(true);
        expect(wire.length).toBe(1 + 2 * 64 + bytes.length);
        expect(isSignedBy(walletOf(seed), bytes, signatures[1]!)).toBe(true);
        expect(rail.sign(bytes, keyOf(seed))).toEqual(payload);
      }),
      { numRuns: 300 },
    );
  });

  it("is never made without a blockhash, nor over anything that is no draft; the key is not asked", () => {
    let asked = false;
    const key = { use: <T>(fn: (bytes: Uint8Array) => T): T => ((asked = true), fn(SEED)) };
    const priced = rail.draft({ ...orderOf(), forQuote: true }, { recentBlockhash: NO_BLOCKHASH }) as Draft;
    expect(priced.outflow).toEqual([{ asset: DEVNET_USDC, amount: 10_000n, why: "payment" }]);
    const drafted = bytesOf();
    const others = [
      priced.bytes,
      drafted.subarray(1),
      drafted.subarray(0, -1),
      Buffer.concat([drafted, SEED]),
    ];
    for (const bytes of [...others, new Uint8Array(0), seedOf(1), Buffer.from("a message to sign")])
      expect(() => rail.sign(bytes, key)).toThrow(RangeError);
    expect(asked).toBe(false);
  });
});

describe("the rail", () => {
  it("locks nothing and has no second draft", () => {
    expect([rail.locks(bytesOf()), rail.redrafts]).toEqual([[], false]);
    expect(rail.nonceLabel).toBe("x402/solana/1");
  });

  it("does not read a draft for another token, program, precision or wallet", () => {
    const bytes = bytesOf();
    const { address } = at.MAINNET_USDC;
    for (const change of [{ address }, { tokenProgram: "token-2022" }, { decimals: 9 }] as const)
      expect(rail.decode(bytes, { ...DEVNET_USDC, ...change }, PAYER)).toEqual({ refused: "INTERNAL" });
    for (const from of [PAYEE, at.FEE_PAYER, "", "nobody"])
      expect(rail.decode(bytes, DEVNET_USDC, from)).toEqual({ refused: "INTERNAL" });
  });

  it("does not read what its encoder writes and its drafts never have", () => {
    const message = decodeMessage(bytesOf())!;
    const key = solanaBytes(at.FEE_PAYER)!;
    const changes: Partial<typeof message>[] = [
      { amount: 0n },
      { memo: new Uint8Array(0) },
      { memo: Buffer.from([0xff]) },
      { memo: Buffer.from("\ud800".padEnd(3), "utf16le") },
      { source: key },
      { source: message.destination },
      { destination: message.source },
      { destination: message.authority },
      { destination: message.mint },
      { feePayer: message.authority },
      { feePayer: message.source },
      { feePayer: message.destination },
      { feePayer: message.mint },
      { feePayer: new Uint8Array(32) },
      { authority: key },
      { mint: key },
      { decimals: 7 },
    ];
    for (const change of changes) {
      const bytes = encodeMessage({ ...message, ...change });
      expect(decodeMessage(bytes)).toBeDefined();
      expect(rail.decode(bytes, DEVNET_USDC, PAYER)).toEqual({ refused: "INTERNAL" });
    }
  });
});

function isSignedBy(wallet: string, message: Uint8Array, signature: Uint8Array): boolean {
  const prefix = Buffer.from("302a300506032b6570032100", "hex"); // RFC 8410
  const key = Buffer.concat([prefix, solanaBytes(wallet)!]);
  return verify(null, message, createPublicKey({ key, format: "der", type: "spki" }), signature);
}
