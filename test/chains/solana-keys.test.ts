// Whose a key is, and where a wallet's tokens are.
import { type Address, getAddressEncoder, getProgramDerivedAddress } from "@solana/kit";
import { Keypair, PublicKey } from "@solana/web3.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadEd25519 } from "../../chains/ed25519.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { TokenAccounts } from "../../chains/solana/token-account.ts";
import { solanaBytes, solanaText } from "../../protocol/solana-address.ts";
import { SPL_TOKEN, TOKEN_2022, tokenAccountOf } from "../counterparts/solana-tokens.ts";
import * as at from "./solana-orders.ts";

const rail = await loadSolanaRail();
const { DEVNET_USDC, PAYER, SEED, keyOf } = at;

describe("a key", () => {
  it("has the address that @solana/web3.js gives it, and signs for no other", () => {
    fc.assert(
      fc.property(at.bytes32, (seed) => {
        const expected = Keypair.fromSeed(seed).publicKey.toBase58();
        expect(rail.addressOf(keyOf(seed))).toBe(expected);
        expect(rail.selfTest(keyOf(seed), expected)).toBe(true);
        const damaged = Uint8Array.from(seed, (byte, index) => (index === 31 ? byte ^ 1 : byte));
        expect(rail.selfTest(keyOf(damaged), expected)).toBe(false);
      }),
      { numRuns: 200 },
    );
    expect(rail.selfTest(keyOf(SEED), "nobody")).toBe(false);
    expect(rail.selfTest(keyOf(SEED), "")).toBe(false);
  });

  it("has one address, on the three clusters", () => {
    expect(rail.addressOn(DEVNET_USDC.network, PAYER)).toBe(PAYER);
    expect(rail.addressOn("solana:devnet", PAYER)).toBeUndefined();
    expect(rail.addressOn("eip155:8453", PAYER)).toBeUndefined();
  });
});

describe("a token account", () => {
  it("is where @solana/web3.js and @solana/kit say", async () => {
    const accounts = new TokenAccounts(await loadEd25519());
    const programs = fc.constantFrom(["spl-token", SPL_TOKEN] as const, ["token-2022", TOKEN_2022] as const);
    await fc.assert(
      fc.asyncProperty(at.address, at.address, programs, async (owner, mint, [name, program]) => {
        const own = accounts.of(solanaBytes(owner)!, solanaBytes(mint)!, name);
        expect(solanaText(own)).toBe(tokenAccountOf(owner, { mint, program }));
        const [byKit] = await getProgramDerivedAddress({
          programAddress: "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL" as Address,
          seeds: [owner, program, mint].map((key) => getAddressEncoder().encode(key as Address)),
        });
        expect(solanaText(own)).toBe(byKit);
        expect(accounts.of(solanaBytes(owner)!, solanaBytes(mint)!, name)).toBe(own);
      }),
      { numRuns: 500 },
    );
  });

  it("is no point of the curve, as @solana/web3.js sees it", async () => {
    const ed25519 = await loadEd25519();
    fc.assert(
      fc.property(at.bytes32, (bytes) => {
        expect(ed25519.isPoint(bytes)).toBe(PublicKey.isOnCurve(bytes));
      }),
      { numRuns: 3000 },
    );
  });
});
