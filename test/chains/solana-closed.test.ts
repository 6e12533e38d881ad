// What no draft has is not read and not signed, however little it differs.
import { isDeepStrictEqual } from "node:util";
import {
  ComputeBudgetProgram,
  type MessageCompiledInstruction,
  MessageV0,
  PublicKey,
  SystemProgram,
  type TransactionInstruction,
  TransactionMessage,
  VersionedMessage,
} from "@solana/web3.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Draft } from "../../chains/rail.ts";
import { type TransferMessage, decodeMessage } from "../../chains/solana/message.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { byKit, byWeb3, expected, writtenByWeb3 } from "./solana-oracles.ts";
import { CONTEXT, DEVNET_USDC, PAYER, orderOf } from "./solana-orders.ts";

const rail = await loadSolanaRail();

const plain = (rail.draft(orderOf(), CONTEXT) as Draft).bytes;
const withWords = (rail.draft(orderOf({ memo: "order 7 ".repeat(20) }), CONTEXT) as Draft).bytes;
const message = decodeMessage(plain)!;
const isRefused = (bytes: Uint8Array): void => {
  expect(rail.decode(bytes, DEVNET_USDC, PAYER)).toEqual({ refused: "INTERNAL" });
  expect(() => rail.sign(bytes, NEVER)).toThrow(RangeError);
};
const NEVER = {
  use: (): never => {
    throw new Error("the key was asked");
  },
};

describe("bytes that were changed", () => {
  // What two drafts of one wallet and asset may differ in.
  const FREE = ["feePayer", "destination", "blockhash", "amount", "memo"] as const;

  it.each([
    ["with a short memo", plain],
    ["with a long one", withWords],
  ])("in one bit, %s, are refused, or are another draft and say so", (_, bytes) => {
    const before = decodeMessage(bytes)!;
    let refused = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const outflow = rail.decode(changed, DEVNET_USDC, PAYER);
      if ("refused" in outflow) {
        expect(outflow).toEqual({ refused: "INTERNAL" });
        refused += 1;
        continue;
      }
      const after = decodeMessage(changed)!;
      const differs = (Object.keys(before) as (keyof TransferMessage)[]).filter(
        (name) => !isDeepStrictEqual(before[name], after[name]),
      );
      expect(FREE).toContain(differs.join());
      expect(outflow).toEqual([{ asset: DEVNET_USDC, amount: after.amount, why: "payment" }]);
      expect(byWeb3(changed)).toEqual(expected(after));
    }
    // All of it but three keys, an amount and the memo.
    const free = 3 * 32 + 8 + before.memo.length;
    expect(refused).toBeGreaterThanOrEqual((bytes.length - free) * 8);
  });

  it("in any way are refused, or are read as both libraries read them", () => {
    const edit = fc.record({
      at: fc.nat({ max: plain.length }),
      cut: fc.nat({ max: 40 }),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(plain, withWords), edit, (bytes, { at, cut, put }) => {
        const changed = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
        const outflow = rail.decode(changed, DEVNET_USDC, PAYER);
        if ("refused" in outflow) return;
        expect(byWeb3(changed)).toEqual(expected(decodeMessage(changed)!));
        expect(byKit(changed)).toEqual(expected(decodeMessage(changed)!));
      }),
      { numRuns: 5000 },
    );
  });

  it("by what is cut off or added are refused", () => {
    for (let length = 0; length < plain.length; length++) isRefused(plain.subarray(0, length));
    for (const more of [1, 2, 31, 32, 64]) isRefused(Buffer.concat([plain, new Uint8Array(more)]));
    isRefused(Buffer.concat([plain, plain]));
    isRefused(Buffer.concat([Buffer.from([2]), new Uint8Array(128), plain])); // a whole transaction
  });

  it("by another way of writing a length are refused", () => {
    // 0x20 as compact-u16 in two and in three bytes, which a careless reader takes.
    const at = plain.length - 1 - message.memo.length - 1;
    expect(plain[at]).toBe(0x20);
    for (const length of [
      [0xa0, 0],
      [0xa0, 0x80, 0],
    ])
      isRefused(Buffer.concat([plain.subarray(0, at), Buffer.from(length), plain.subarray(at + 1)]));
  });
});

describe("a message of another kind is refused:", () => {
  const base = MessageV0.deserialize(plain);
  const { header, compiledInstructions: four } = base;
  const [limit, price, transfer, note] = four as [
    MessageCompiledInstruction,
    MessageCompiledInstruction,
    MessageCompiledInstruction,
    MessageCompiledInstruction,
  ];
  const other = (change: Partial<MessageV0>) => writtenByWeb3(message, change);
  const data = (...bytes: number[]) => Uint8Array.from(bytes);
  const amount = transfer.data.slice(1);
  const key = new PublicKey(new Uint8Array(32).fill(0x77));
  const lookup = { accountKey: key, writableIndexes: [0], readonlyIndexes: [] };

  it.each([
    ["a fifth instruction", { compiledInstructions: [...four, note] }],
    ["a second transfer", { compiledInstructions: [limit, price, transfer, transfer, note] }],
    ["no memo", { compiledInstructions: [limit, price, transfer] }],
    ["no instruction", { compiledInstructions: [] }],
    ["another order", { compiledInstructions: [price, limit, transfer, note] }],
    [
      "a higher price",
      { compiledInstructions: [limit, { ...price, data: data(3, 2, 0, 0, 0, 0, 0, 0, 0) }, transfer, note] },
    ],
    [
      "a higher limit",
      { compiledInstructions: [{ ...limit, data: data(2, 0, 0, 1, 0) }, price, transfer, note] },
    ],
    [
      "Transfer",
      { compiledInstructions: [limit, price, { ...transfer, data: data(3, ...amount.slice(0, 8)) }, note] },
    ],
    [
      "Approve",
      { compiledInstructions: [limit, price, { ...transfer, data: data(4, ...amount.slice(0, 8)) }, note] },
    ],
    [
      "ApproveChecked",
      { compiledInstructions: [limit, price, { ...transfer, data: data(13, ...amount) }, note] },
    ],
    [
      "BurnChecked",
      { compiledInstructions: [limit, price, { ...transfer, data: data(15, ...amount) }, note] },
    ],
    ["SetAuthority", { compiledInstructions: [limit, price, { ...transfer, data: data(6, 2, 0) }, note] }],
    ["CloseAccount", { compiledInstructions: [limit, price, { ...transfer, data: data(9) }, note] }],
    [
      "data behind the transfer's",
      { compiledInstructions: [limit, price, { ...transfer, data: data(12, ...amount, 0) }, note] },
    ],
    [
      "the other direction",
      { compiledInstructions: [limit, price, { ...transfer, accountKeyIndexes: [3, 4, 2, 1] }, note] },
    ],
    [
      "one more signer of the transfer",
      { compiledInstructions: [limit, price, { ...transfer, accountKeyIndexes: [2, 4, 3, 1, 0] }, note] },
    ],
    [
      "the fee payer as the authority",
      { compiledInstructions: [limit, price, { ...transfer, accountKeyIndexes: [2, 4, 3, 0] }, note] },
    ],
    [
      "a memo that we sign",
      { compiledInstructions: [limit, price, transfer, { ...note, accountKeyIndexes: [1] }] },
    ],
    [
      "a transfer by another program",
      { compiledInstructions: [limit, price, { ...transfer, programIdIndex: 7 }, note] },
    ],
    ["a lookup table", { addressTableLookups: [lookup] }],
    ["a lookup table of nothing", { addressTableLookups: [{ ...lookup, writableIndexes: [] }] }],
    ["a ninth key", { staticAccountKeys: [...base.staticAccountKeys, key] }],
    ["three signers", { header: { ...header, numRequiredSignatures: 3 } }],
    ["one signer", { header: { ...header, numRequiredSignatures: 1 } }],
    ["a payer that is writable", { header: { ...header, numReadonlySignedAccounts: 0 } }],
    ["a mint that is writable", { header: { ...header, numReadonlyUnsignedAccounts: 3 } }],
    ["a program that is not known", { staticAccountKeys: base.staticAccountKeys.with(6, key) }],
    ["a memo by another program", { staticAccountKeys: base.staticAccountKeys.with(7, key) }],
    ["no compute budget", { staticAccountKeys: base.staticAccountKeys.with(5, key) }],
    [
      "a durable nonce in front",
      {
        compiledInstructions: [
          { programIdIndex: 7, accountKeyIndexes: [2, 3, 1], data: data(4, 0, 0, 0) },
          ...four,
        ],
      },
    ],
  ])("%s", (_, change) => {
    const bytes = other(change);
    // Both read it: it is a message, of another kind.
    expect(VersionedMessage.deserialize(bytes).version).toBe(0);
    isRefused(bytes);
  });

  it("the legacy form, and other versions", () => {
    isRefused(plain.subarray(1));
    for (let version = 1; version < 128; version++)
      isRefused(Buffer.concat([Buffer.from([0x80 | version]), plain.subarray(1)]));
  });

  it("a transfer of lamports, and one that the same library compiles in its own order", () => {
    const payerKey = new PublicKey(message.authority);
    const compiled = (instructions: TransactionInstruction[]) =>
      new TransactionMessage({ payerKey, recentBlockhash: CONTEXT.recentBlockhash, instructions })
        .compileToV0Message()
        .serialize();
    const lamports = SystemProgram.transfer({ fromPubkey: payerKey, toPubkey: key, lamports: 1 });
    isRefused(compiled([lamports]));
    isRefused(compiled([ComputeBudgetProgram.setComputeUnitLimit({ units: 20_000 }), lamports]));
    isRefused(compiled(TransactionMessage.decompile(base).instructions));
  });
});
