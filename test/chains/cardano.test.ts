// What the Cardano rail drafts, what it refuses, and which inputs it takes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cardanoAddressOn, cardanoText, parseCardanoAddress } from "../../protocol/cardano-address.ts";
import {
  ADA,
  OWN,
  PAYEE,
  USDM,
  contextOf,
  draft,
  drafted,
  nameOf,
  orderOf,
  rail,
  refusal,
  utxo,
} from "./cardano-orders.ts";

const OTHER_TOKEN = `${"ab".repeat(28)}.cafe`;
const rich = contextOf(utxo(1, 100, { [USDM.address]: 50_000_000n }));
const inputsIn = (bytes: Uint8Array): string[] => [...rail.locks(bytes)];

describe("no draft is made", () => {
  it.each(["masumi", "script", "", "Default", "default ", "eip3009"])("by the method %j", (method) => {
    expect(refusal(orderOf(ADA, { method }), rich)).toBe("TRANSFER_METHOD_NOT_SUPPORTED");
  });
  it("but by the one there is, by name", () => {
    expect(refusal(orderOf(ADA, { method: "default" }), rich)).toBe("none");
  });

  const script = cardanoText(Uint8Array.of(0x70, ...new Uint8Array(28).fill(1)));
  it.each([
    ["of another network", cardanoAddressOn("cardano:mainnet", PAYEE)!],
    ["in upper case", PAYEE.toUpperCase()],
    ["with a wrong checksum", `${PAYEE.slice(0, -1)}${PAYEE.endsWith("q") ? "p" : "q"}`],
    ["of a script", script],
    ["of a script with a stake key", cardanoText(Uint8Array.of(0x10, ...new Uint8Array(56).fill(1)))],
    ["of a pointer", cardanoText(Uint8Array.of(0x40, ...new Uint8Array(31).fill(1)))],
    ["of stake", `stake_test1${PAYEE.slice(10)}`],
    ["with space around", ` ${PAYEE}`],
    [
      "of Byron",
      "37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21EacHnPpz5YyUdj64na",
    ],
    ["of another chain", "0x1111111111111111111111111111111111111111"],
    ["that is empty", ""],
  ])("to an address %s", (_, payTo) => {
    expect(refusal(orderOf(ADA, { payTo }), rich)).toBe("INVALID_PAYEE");
  });

  it("to the wallet itself, with any stake part", () => {
    const hash = parseCardanoAddress(OWN)!.paymentHash;
    const staked = cardanoText(Uint8Array.of(0x00, ...hash, ...new Uint8Array(28).fill(9)));
    for (const payTo of [OWN, staked]) expect(refusal(orderOf(ADA, { payTo }), rich)).toBe("SELF_PAYMENT");
    expect(refusal(orderOf(ADA, { payTo: OWN }, { from: staked }), rich)).toBe("SELF_PAYMENT");
  });

  it("of an amount that no output holds", () => {
    const most = (1n << 63n) - 1n;
    const whole = contextOf(utxo(1, 100, { [USDM.address]: most }));
    expect(refusal(orderOf(USDM, { amount: most }), whole)).toBe("none");
    for (const amount of [1n << 63n, 1n << 64n, 1n << 256n, 0n, -1n])
      for (const asset of [ADA, USDM])
        expect(refusal(orderOf(asset, { amount }), whole)).toBe("AMOUNT_TOO_LARGE");
  });

  it("on another network, or for an account or time that is not this network's", () => {
    for (const network of ["cardano:sancho", "eip155:1", "solana:x"] as const)
      expect(refusal(orderOf(ADA, { network }), rich)).toBe("NETWORK_NOT_SUPPORTED");
    const from = cardanoAddressOn("cardano:mainnet", OWN)!;
    expect(refusal(orderOf(ADA, {}, { from }), rich)).toBe("INTERNAL");
    expect(refusal(orderOf(ADA, {}, { validBefore: 1_600_000_000 }), rich)).toBe("INTERNAL");
  });
});

describe("the inputs", () => {
  const spent = (amount: bigint, ...utxos: Parameters<typeof contextOf>) => {
    const made = draft(orderOf(ADA, { amount }), contextOf(...utxos));
    return "refused" in made ? made.refused : inputsIn(made.bytes);
  };
  const names = (...utxos: Parameters<typeof contextOf>) => utxos.map(nameOf);
  const [small, middle, large] = [utxo(3, 6), utxo(1, 20), utxo(2, 500)];

  it("are the smallest that leaves as much as is paid, so that large ones stay free", () => {
    expect(spent(2_000_000n, large, middle, small)).toEqual(names(small));
    expect(spent(4_000_000n, large, middle, small)).toEqual(names(middle));
    expect(spent(300_000_000n, large, middle, small)).toEqual(names(large));
  });

  it("are few, and the first is followed by the others in order", () => {
    expect(spent(505_000_000n, large, middle, small)).toEqual(names(large, middle));
    const equal = [5, 4, 9, 1, 7].map((n) => utxo(n, 10));
    const taken = spent(33_000_000n, ...equal) as string[];
    expect(taken).toEqual(names(utxo(1, 10), utxo(4, 10), utxo(5, 10), utxo(7, 10)));
    expect(spent(2_000_000n, utxo(1, 4, { [OTHER_TOKEN]: 1n }), utxo(2, 400))).toEqual(names(utxo(2, 400)));
  });

  it("get another one instead of leaving less than an output holds to the fee", () => {
    expect(spent(2_000_000n, utxo(1, 2_500_000n))).toBe("FUNDS_INSUFFICIENT");
    expect(spent(2_000_000n, utxo(1, 2_500_000n), utxo(2, 2))).toHaveLength(2);
    expect(spent(2_000_000n)).toBe("FUNDS_INSUFFICIENT");
  });

  it("of a token are those that hold it, with ADA beside them where it is needed", () => {
    const poor = utxo(11, 1_300_000n, { [USDM.address]: 9_000_000n });
    const fine = utxo(12, 5, { [USDM.address]: 9_000_000n });
    const order = orderOf(USDM, { amount: 5_000_000n });
    expect(inputsIn(drafted(order, contextOf(poor, fine, large)).bytes)).toEqual(names(fine));
    expect(inputsIn(drafted(order, contextOf(poor, middle, large)).bytes)).toEqual(names(poor, middle));
    expect(refusal(order, contextOf(poor))).toBe("FUNDS_INSUFFICIENT");
    expect(refusal(order, contextOf(large))).toBe("FUNDS_INSUFFICIENT");
    const pieces = [1, 2, 3].map((n) => utxo(n, 3, { [USDM.address]: 2_000_000n }));
    expect(inputsIn(drafted(order, contextOf(...pieces)).bytes)).toHaveLength(3);
  });

  it("do not depend on the order in which they are told", () => {
    const all = [small, middle, large, utxo(8, 10), utxo(9, 10, { [USDM.address]: 7n })];
    const order = orderOf(ADA, { amount: 25_000_000n });
    const first = drafted(order, contextOf(...all));
    expect(drafted(order, contextOf(...all.toReversed()))).toEqual(first);
    expect(drafted(order, contextOf(...all))).toEqual(first);
  });

  it("are never more of a token than an output can hold", () => {
    const most = (1n << 63n) - 1n;
    const dust = [1, 2, 3].map((n) => utxo(n, 3, { [OTHER_TOKEN]: most }));
    expect(spent(500_000n, ...dust)).toHaveLength(1);
    expect(spent(3_000_000n, ...dust)).toBe("FUNDS_INSUFFICIENT");
  });

  it("are found if any of them would do", () => {
    // Such as a ledger has: enough ADA for its tokens.
    const coin = fc
      .tuple(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 20_000_000 }),
        fc.integer({ min: 0, max: 9 }),
      )
      .map(([kinds, more, held]) => ({
        lovelace: 1_500_000n + BigInt(kinds) * 300_000n + BigInt(more),
        tokens: {
          ...Object.fromEntries(Array.from({ length: kinds }, (_, n) => [tokenOf(n), 1n])),
          ...(held > 0 && { [USDM.address]: BigInt(held) * 1_000_000n }),
        },
      }));
    const asked = fc.record({
      asset: fc.constantFrom(ADA, USDM),
      amount: fc.bigInt({ min: 1n, max: 60_000_000n }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(coin, fc.boolean()), { minLength: 1, maxLength: 8 }),
        asked,
        (coins, ask) => {
          const all = coins.map(([{ lovelace, tokens }], n) => utxo(n + 1, lovelace, tokens));
          const some = all.filter((_, n) => coins[n]![1]);
          const order = orderOf(ask.asset, ask);
          if (refusal(order, contextOf(...some)) === "none")
            expect(refusal(order, contextOf(...all))).toBe("none");
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("are not more than a transaction holds", () => {
    const bundle = (n: number) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [tokenOf(20 * n + at), 1n]));
    const heavy = Array.from({ length: 40 }, (_, n) => utxo(n, 4, bundle(n)));
    expect(spent(20_000_000n, ...heavy)).toBe("TRANSACTION_TOO_LARGE");
  });
});

describe("locked inputs", () => {
  const [a, b] = [utxo(1, 10), utxo(2, 20)];
  const locking = (times: Record<string, number>) => ({
    lockedUntil: (input: string): number | undefined => times[input],
  });

  it("are left alone", () => {
    const order = orderOf(ADA, {}, locking({ [nameOf(a)]: 1_900_000_100 }));
    expect(inputsIn(drafted(order, contextOf(a, b)).bytes)).toEqual([nameOf(b)]);
  });

  it("make one wait until enough of them are free", () => {
    const locked = locking({ [nameOf(a)]: 1_900_000_100, [nameOf(b)]: 1_900_000_200 });
    const wait = (amount: bigint) => draft(orderOf(ADA, { amount }, locked), contextOf(a, b));
    expect(wait(2_000_000n)).toEqual({ refused: "INPUTS_LOCKED", until: 1_900_000_100 });
    expect(wait(15_000_000n)).toEqual({ refused: "INPUTS_LOCKED", until: 1_900_000_200 });
    expect(wait(25_000_000n)).toEqual({ refused: "INPUTS_LOCKED", until: 1_900_000_200 });
    expect(wait(35_000_000n)).toEqual({ refused: "FUNDS_INSUFFICIENT" });
  });
});

describe("another draft", () => {
  const [a, b] = [utxo(1, 10), utxo(2, 20)];
  const before = drafted(orderOf(ADA), contextOf(a)).bytes;

  it("spends the first input of the one before, as its first", () => {
    const again = drafted(orderOf(ADA, {}, { before }), contextOf(b, a, utxo(3, 6)));
    expect(inputsIn(again.bytes)).toEqual([nameOf(a)]);
    const grown = drafted(orderOf(ADA, { amount: 12_000_000n }, { before }), contextOf(b, a));
    expect(inputsIn(grown.bytes)).toEqual([nameOf(a), nameOf(b)]);
    const after = drafted(orderOf(ADA, {}, { before: grown.bytes }), contextOf(b, a));
    expect(inputsIn(after.bytes)[0]).toBe(nameOf(a));
  });

  it("waits where that input is another's for now, and is not made where nobody tells of it", () => {
    const until = 1_900_000_300;
    const lockedUntil = (input: string) => (input === nameOf(a) ? until : undefined);
    expect(draft(orderOf(ADA, {}, { before, lockedUntil }), contextOf(a, b))).toEqual({
      refused: "INPUTS_LOCKED",
      until,
    });
    expect(draft(orderOf(ADA, {}, { before }), contextOf(b))).toEqual({ refused: "INTENT_UNRESOLVED" });
    expect(draft(orderOf(ADA, {}, { before }), contextOf())).toEqual({ refused: "INTENT_UNRESOLVED" });
  });
});

function tokenOf(n: number): string {
  return `${"cd".repeat(28)}.${n.toString(16).padStart(64, "0")}`;
}
