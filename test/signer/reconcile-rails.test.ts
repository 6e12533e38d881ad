// What findings release on Solana and Cardano, brought by hand: every draft of an intent is judged, and no finding of one
// payment is good for another. test/cli/policy-reconcile-*.test.ts has the chains.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall, operatorCall } from "../../client/signer.ts";
import { transactionHash } from "../../chains/cardano/body.ts";
import { loadEd25519 } from "../../chains/ed25519.ts";
import type { Finding, SeenOf, TraceOf, Unresolved } from "../../protocol/finding.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { ENDPOINTS, deskOf, reconcile, unresolved } from "./findings.ts";
import { document, idOf, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

const MINUTE = 60_000;
const DEVNET = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
const PREPROD = "cardano:preprod";
const PARAMETERS = {
  minFeeA: 44,
  minFeeB: 155_381,
  coinsPerUtxoByte: 4_310,
  maxTxSize: 16_384,
  maxValueSize: 5_000,
};
const BLOCKHASH = { recentBlockhash: "7".repeat(44) };
const INPUT = "ab".repeat(32);
const DAY_OF_SLOTS = 86_400;

let home: SignerHome;
let signer: Signer;
let desk: SignerConnection;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20, 12);
  home = await SignerHome.ofPhrase();
  await start();
  await signer.apply(rules());
  await operatorCall(signer.operator, "price.set", { symbol: "ADA", usd: "0.50", maxAge: 2_592_000 });
});
afterEach(async () => {
  await stop();
  home.remove();
});

async function start(): Promise<void> {
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  desk = await deskOf(signer);
}
async function stop(): Promise<void> {
  desk.close();
  await signer.close();
}

const rules = (changed = {}) =>
  document({
    allowedNetworks: ["solana-devnet", "cardano-preprod", "base-sepolia"],
    allowedAssets: ["USDC", "ADA"],
    maxReleasePerDay: "20.00",
    ...changed,
  });

const onSolana = (name: string) =>
  intent(name, {
    network: DEVNET,
    asset: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
    payTo: "2wmVCSfPxGPjrnMMn7rchp4uaeoTqN39mXFC2zhPdri9",
    extra: { feePayer: "EwWqGE4ZFKLofuestmU4LDdK7XM1N4ALgdZccwYugwGd" },
  });
const onCardano = (name: string) =>
  intent(name, {
    network: PREPROD,
    asset: "lovelace",
    payTo: "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz",
    amount: "2000000",
  });
const utxos = (...transactions: string[]) => ({
  utxos: transactions.map((transaction) => ({ transaction, index: 0, lovelace: "20000000" })),
  parameters: PARAMETERS,
});

const signSolana = (name: string) => outcomeOf(signer.sign(onSolana(name), { context: BLOCKHASH }));
const signCardano = (name: string, ...transactions: string[]) =>
  outcomeOf(signer.sign(onCardano(name), { context: utxos(...transactions) }));

async function expired(name: string): Promise<Unresolved> {
  now += 3 * MINUTE;
  return (await unresolved(desk)).find(({ id }) => id === idOf(name))!;
}

/** The same from both endpoints. */
const agreed = ({ agent, id, network }: Unresolved, seen: Finding["seen"], number = 5_000_000): Finding[] =>
  ENDPOINTS.map((endpoint) => ({
    ...{ agent, id, network, endpoint, seen, finalized: true },
    block: { number, hash: "ab".repeat(32), time: now / 1000 },
  }));

const dead = { kind: "solana", since: 4_000_000 } as const;
const executed = { ...dead, found: "executed", transaction: "5".repeat(88) } as const;
const unspent = ({ trace }: Unresolved, spentBy?: string): SeenOf<"cardano"> => ({
  kind: "cardano",
  slot: traceOf(trace).ttl + DAY_OF_SLOTS,
  ...(spentBy && { spentBy }),
});
function traceOf(trace: Unresolved["trace"]): TraceOf<"cardano"> {
  if (trace.kind !== "cardano") throw new TypeError(trace.kind);
  return trace;
}

const told = async (findings: Finding[]): Promise<string[]> =>
  (await reconcile(desk, findings)).results.map(({ outcome, why }) => why ?? outcome);
const total = async (): Promise<bigint> =>
  (await LedgerRecord.read(signer.operator)).counter("household|usd|total");

describe("on Solana", () => {
  it("a payment is released or settled, and final; nothing else is signed for it meanwhile", async () => {
    for (const name of ["dead", "used"]) expect(await signSolana(name)).toBe("signed");
    const [gone, used] = [await expired("dead"), await expired("used")];
    expect(gone.trace).toMatchObject({ kind: "solana", blockhash: BLOCKHASH.recentBlockhash });
    expect(await signSolana("dead")).toBe("INTENT_UNRESOLVED");
    expect(await told([...agreed(gone, dead), ...agreed(used, executed)])).toEqual(["released", "settled"]);
    expect(await total()).toBe(10_000n);
    for (const name of ["dead", "used"]) expect(await signSolana(name)).toBe("INTENT_FINAL");
  });

  it("nothing follows from a chain that is not high enough, one endpoint, or two that differ", async () => {
    await signSolana("one");
    const payment = await expired("one");
    const [one, two] = agreed(payment, dead);
    const [other] = agreed(payment, executed);
    expect(await told(agreed(payment, dead, 4_000_299))).toEqual(["too-early"]);
    expect(await told([one!, { ...one! }])).toEqual(["one-endpoint"]);
    expect(await told([two!, other!])).toEqual(["disagreement"]);
    expect(await told(agreed(payment, { kind: "eip3009", used: false }))).toEqual(["wrong-network"]);
    expect(
      await told(agreed({ ...payment, network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" }, dead)),
    ).toEqual(["wrong-network"]);
    // Signed with the hash of another cluster, where it may be alive.
    expect(await told(agreed(payment, { kind: "solana" }))).toEqual(["no-block"]);
    expect(await told(agreed(payment, { ...dead, found: "executed" }))).toEqual(["contradiction"]);
    expect(await total()).toBe(10_000n);
  });
});

describe("on Cardano", () => {
  const idsOf = async (): Promise<string[]> => {
    const ed25519 = await loadEd25519();
    const { rows } = await LedgerRecord.read(signer.operator);
    const drafts = rows.flatMap(({ draft }) => (typeof draft === "string" ? draft : []));
    return drafts.map((draft) =>
      Buffer.from(transactionHash(ed25519, Buffer.from(draft, "base64"))).toString("hex"),
    );
  };

  it("every draft of an intent is judged: one that was used before the newest settles it", async () => {
    for (let n = 0; n < 4; n++) {
      expect(await signCardano("often", INPUT)).toBe("signed");
      now += 3 * MINUTE;
    }
    const payment = await expired("often");
    const ids = await idsOf();
    expect([ids.length, new Set(ids).size, ids.at(-1)]).toEqual([4, 4, traceOf(payment.trace).transaction]);
    expect(payment.trace).toMatchObject({ kind: "cardano", input: `${INPUT}#0` });
    expect(Date.parse(payment.draftedAt) - Date.parse(payment.signedAt)).toBe(9 * MINUTE);
    const before = await total();
    // The first, which no reader of the newest draft can know of.
    expect(await told(agreed(payment, unspent(payment, ids[0])))).toEqual(["settled"]);
    expect(await total()).toBe(before);
  });

  it.each([1, 2])("also draft %i of three", async (which) => {
    for (let n = 0; n < 3; n++) {
      await signCardano("often", INPUT);
      now += 3 * MINUTE;
    }
    const payment = await expired("often");
    expect(await told(agreed(payment, unspent(payment, (await idsOf())[which])))).toEqual(["settled"]);
  });

  it("a hundred drafts are judged, and no more: whoever asked for them has only made their own payment stay", async () => {
    for (let n = 0; n < 100; n++) {
      expect(await signCardano("often", INPUT)).toBe("signed");
      now += 61_000;
    }
    const payment = await expired("often");
    expect(await told(agreed(payment, { ...unspent(payment), slot: 1 }))).toEqual(["too-early"]);
    await signCardano("often", INPUT);
    const again = await expired("often");
    expect(await told(agreed(again, unspent(again)))).toEqual(["too-many-drafts"]);
  });

  it("a spender that is none of its drafts, or none at all, releases all that they booked", async () => {
    for (const name of ["spent", "unspent"]) {
      for (let n = 0; n < 2; n++) {
        expect(await signCardano(name, name === "spent" ? INPUT : "cd".repeat(32))).toBe("signed");
        now += 3 * MINUTE;
      }
    }
    const [spent, free] = [await expired("spent"), await expired("unspent")];
    expect(await told(agreed(spent, unspent(spent, "ef".repeat(32))))).toEqual(["released"]);
    expect(await told(agreed(free, unspent(free)))).toEqual(["released"]);
    expect(await total()).toBe(0n);
  });

  it("what was found of one payment settles no other, and a slot before the TTL of the newest nothing", async () => {
    await signCardano("one", INPUT);
    await signCardano("two", "cd".repeat(32));
    const [one, two] = [await expired("one"), await expired("two")];
    const own = traceOf(one.trace).transaction;
    const early = { kind: "cardano", slot: traceOf(one.trace).ttl - 1 } as const;
    expect(await told(agreed(one, early))).toEqual(["too-early"]);
    expect(await told(agreed(one, { ...early, spentBy: own }))).toEqual(["too-early"]);
    // One endpoint says that it was used, the other that the input is free.
    const [, free] = agreed(one, unspent(one));
    expect(await told([agreed(one, unspent(one, own))[0]!, free!])).toEqual(["disagreement"]);
    expect(await told(agreed(one, unspent(one, own)))).toEqual(["settled"]);
    expect(await told(agreed(two, unspent(two, traceOf(two.trace).transaction)))).toEqual(["settled"]);
  });

  it("a redraft that a client asks for with other inputs is not made", async () => {
    await signCardano("one", INPUT);
    now += 3 * MINUTE;
    expect(await signCardano("one", "cd".repeat(32))).toBe("INTENT_UNRESOLVED");
  });
});

describe("a rail that this process has not loaded", () => {
  it("hides no other payment, and is told; its payments stay as they are", async () => {
    await signSolana("solana");
    await signCardano("cardano", INPUT);
    await outcomeOf(signer.sign(intent("evm")));
    const payment = await expired("solana");
    expect(await unresolved(desk)).toHaveLength(3);
    await signer.apply(rules({ allowedNetworks: ["base-sepolia"], allowedAssets: ["USDC"] }));
    await stop();
    await start();
    const page = await desk.call("ledger.unresolved", {});
    expect(page).toMatchObject({ payments: [{ id: idOf("evm") }], unloaded: [DEVNET, PREPROD] });
    expect(await told(agreed(payment, dead))).toEqual(["rail-not-loaded"]);
    const { payments } = await agentCall(await signer.agent(), "history.list", {});
    expect(payments.map(({ state }) => state)).toEqual(["expired", "expired", "expired"]);
  });
});
