// What a look proves of a message on Solana and of a body on Cardano: at each edge, and for no look that is about
// something else.
import * as CSL from "@emurgo/cardano-serialization-lib-nodejs";
import { VersionedMessage } from "@solana/web3.js";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeBody } from "../../chains/cardano/body.ts";
import { loadCardanoRail } from "../../chains/cardano/rail.ts";
import { evmRail } from "../../chains/evm/rail.ts";
import type { Rail } from "../../chains/rail.ts";
import { MARGIN } from "../../chains/solana/proof.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import type { Look, Seen, SeenOf } from "../../protocol/finding.ts";
import { parseCardanoAddress } from "../../protocol/cardano-address.ts";
import { CONTEXT, orderOf } from "./solana-orders.ts";

const PAYEE = parseCardanoAddress("addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz")!.bytes;
const TTL = 50_000_000;
const INPUT = { transaction: "ab".repeat(32), index: 3 };
const OTHER = "cd".repeat(32);

const look = (seen: Seen, number = 1000, finalized = true): Look => ({
  block: { number, hash: "1".repeat(44), time: 0 },
  finalized,
  seen,
});

const bodyOf = (ttl: number): Uint8Array =>
  encodeBody({
    inputs: [INPUT, { transaction: "01".repeat(32), index: 0 }],
    outputs: [{ address: PAYEE, value: { lovelace: 2_000_000n, tokens: new Map() } }],
    fee: 170_000n,
    ttl,
  });

/** By another library, of a transaction without a witness. */
const idOf = (body: Uint8Array): string =>
  CSL.FixedTransaction.from_bytes(Buffer.concat([Buffer.from([0x84]), body, Buffer.from([0xa0, 0xf5, 0xf6])]))
    .transaction_hash()
    .to_hex();

let cardano: Rail;
let solana: Rail;
let message: Uint8Array;

beforeAll(async () => {
  [cardano, solana] = await Promise.all([loadCardanoRail(), loadSolanaRail()]);
  const draft = await solana.draft(orderOf(), CONTEXT);
  if ("refused" in draft) throw new Error(draft.refused);
  message = draft.bytes;
});

describe("on Solana", () => {
  const seen = (since: number, found?: SeenOf<"solana">["found"], transaction = found && "5".repeat(88)) =>
    ({ kind: "solana", since, ...(found && { found }), ...(transaction && { transaction }) }) as const;
  const proof = (one: Seen, number?: number, finalized?: boolean) =>
    solana.proof(message, look(one, number, finalized));

  it("a message is traced by its account, hash and blockhash, as another library reads them", () => {
    const { staticAccountKeys, recentBlockhash } = VersionedMessage.deserialize(message);
    expect(solana.trace(message)).toEqual({
      kind: "solana",
      account: staticAccountKeys[2]!.toBase58(),
      message: createHash("sha256").update(message).digest("hex"),
      blockhash: recentBlockhash,
    });
    expect(() => solana.trace(message.subarray(1))).toThrow(RangeError);
  });

  it("it is dead, or failed for good, from a height on that is well above its blockhash's", () => {
    for (const found of [undefined, "failed"] as const) {
      expect(proof(seen(1000, found), 1000 + MARGIN - 1)).toBe("too-early");
      expect(proof(seen(1000, found), 1000 + MARGIN)).toBe("dead");
      expect(proof(seen(1000, found), 1000 + MARGIN, false)).toBe("not-finalized");
      expect(proof(seen(1000, found), 0)).toBe("too-early");
    }
    // As the documents of the cluster have it: 150 blocks.
    expect(MARGIN).toBeGreaterThan(150);
  });

  it("it is used when it was executed, however high the chain is", () => {
    expect(proof(seen(1000, "executed"), 1000)).toBe("used");
    expect(proof(seen(1000, "executed"), 5000)).toBe("used");
    expect(proof(seen(1000, "executed"), 5000, false)).toBe("not-finalized");
  });

  it("a blockhash that no block has proves nothing", () => {
    expect(proof({ kind: "solana" }, 1e9)).toBe("no-block");
    const failed = { found: "failed", transaction: "5".repeat(88) } as const;
    expect(proof({ kind: "solana", ...failed }, 1e9)).toBe("no-block");
    expect(proof({ kind: "solana", ...failed, found: "executed" }, 1e9)).toBe("used");
  });

  it("a fate without a transaction, or the other way round, is none", () => {
    expect(proof(seen(1, "executed", ""), 5000)).toBe("contradiction");
    expect(proof(seen(1, undefined, "5".repeat(88)), 5000)).toBe("contradiction");
  });
});

describe("on Cardano", () => {
  const body = bodyOf(TTL);
  const seen = (slot: number, spentBy?: string) =>
    ({ kind: "cardano", slot, ...(spentBy && { spentBy }) }) as const;
  const proof = (one: Seen, finalized?: boolean) => cardano.proof(body, look(one, 1000, finalized));

  it("a body is traced by its id, its first input and its TTL, as another library reads them", () => {
    const read = CSL.TransactionBody.from_bytes(body);
    const input = read.inputs().get(0);
    expect(cardano.trace(body)).toEqual({
      kind: "cardano",
      transaction: idOf(body),
      input: `${input.transaction_id().to_hex()}#${input.index()}`,
      ttl: Number(read.ttl_bignum()!.to_str()),
    });
    expect(() => cardano.trace(body.subarray(1))).toThrow(RangeError);
  });

  it("it is dead from its TTL on while its input is unspent, or when another transaction has it", () => {
    for (const spentBy of [undefined, OTHER]) {
      expect(proof(seen(TTL - 1, spentBy))).toBe("too-early");
      expect(proof(seen(TTL, spentBy))).toBe("dead");
      expect(proof(seen(TTL, spentBy), false)).toBe("not-finalized");
    }
  });

  it("it is used when its own id has spent the input, whoever witnessed it, and no other body's", () => {
    expect(proof(seen(TTL, idOf(body)))).toBe("used");
    expect(proof(seen(TTL, idOf(bodyOf(TTL + 1))))).toBe("dead");
    expect(proof(seen(TTL - 1, idOf(body)))).toBe("too-early");
  });
});

it("a look at one chain says nothing of another", () => {
  const cases: readonly [Rail, Uint8Array, Seen][] = [
    [solana, message, { kind: "cardano", slot: TTL + 1 }],
    [solana, message, { kind: "eip3009", used: false }],
    [cardano, bodyOf(TTL), { kind: "solana", since: 0 }],
    [cardano, bodyOf(TTL), { kind: "eip3009", used: false }],
    [evmRail, new Uint8Array(), { kind: "solana", since: 0 }],
    [evmRail, new Uint8Array(), { kind: "cardano", slot: TTL + 1 }],
  ];
  for (const [rail, bytes, one] of cases) expect(rail.proof(bytes, look(one, 1e9))).toBe("wrong-network");
});

it("nothing that is not final proves anything, and nothing before its end proves death", () => {
  const number = fc.nat(2_000);
  fc.assert(
    fc.property(
      number,
      number,
      fc.boolean(),
      fc.constantFrom(undefined, "executed", "failed"),
      (since, height, finalized, found) => {
        const fate = found ? { found, transaction: "5".repeat(88) } : {};
        const proof = solana.proof(message, look({ kind: "solana", since, ...fate }, height, finalized));
        if (!finalized) expect(proof).toBe("not-finalized");
        if (proof === "dead") expect([height >= since + MARGIN, found === "executed"]).toEqual([true, false]);
      },
    ),
    { numRuns: 2000 },
  );
});
