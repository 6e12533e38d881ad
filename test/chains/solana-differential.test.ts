// Two libraries that are not ours read the bytes of drafts, and must agree with us on every field.
import { getBase58Decoder } from "@solana/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Draft } from "../../chains/rail.ts";
import { decodeMessage, encodeMessage } from "../../chains/solana/message.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { byKit, byWeb3, expected, hex, writtenByWeb3 } from "./solana-oracles.ts";
import { drafted } from "./solana-orders.ts";

const rail = await loadSolanaRail();

describe("the bytes of a draft", () => {
  it("say the same to @solana/web3.js and to @solana/kit, and are what @solana/web3.js writes", () => {
    fc.assert(
      fc.property(drafted, ({ order, recentBlockhash }) => {
        const { bytes } = rail.draft(order, { recentBlockhash }) as Draft;
        const message = decodeMessage(bytes)!;
        expect(byWeb3(bytes)).toEqual(expected(message));
        expect(byKit(bytes)).toEqual(expected(message));
        expect(hex(writtenByWeb3(message))).toBe(hex(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it("are the only ones of what they say", () => {
    fc.assert(
      fc.property(drafted, ({ order, recentBlockhash }) => {
        const { bytes } = rail.draft(order, { recentBlockhash }) as Draft;
        expect(hex(encodeMessage(decodeMessage(bytes)!))).toBe(hex(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});

it("agrees with @solana/kit on base58", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      expect(solanaText(bytes)).toBe(getBase58Decoder().decode(bytes));
    }),
  );
});
