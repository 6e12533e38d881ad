// x402-policy reconcile against a Solana cluster: what the real token program executed, and every lie about it.
import { Keypair, VersionedTransaction } from "@solana/web3.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { DEVNET, type SolanaChain, startSolanaChain } from "../counterparts/solana-chain.ts";
import type { Lie } from "../counterparts/solana-rpc.ts";
import { document, idOf, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";
import type { Outcome } from "./vault-command.ts";

const FEE_PAYER = Keypair.generate();
const PAYEE = Keypair.generate().publicKey.toBase58();
const HOUR = 3600;
const BLOCK_MS = 400;

let chain: SolanaChain;
let home: SignerHome;
let signer: Signer;
/** Unix ms, the signer's and the chain's; behind the clock of this machine, which the command reads. */
let now: number;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  now = Math.floor(Date.now() / 1000 - 4 * HOUR) * 1000;
  chain = await startSolanaChain(now / 1000);
  home = await SignerHome.ofPhrase();
  chain.ledger.airdrop(FEE_PAYER.publicKey.toBase58());
  chain.mint(home.addressOf("solana"), 1_000_000n);
  chain.mint(PAYEE, 0n);
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  await signer.apply(rules());
});
afterEach(async () => {
  await signer.close();
  home.remove();
  await chain.close();
  for (const close of closing.splice(0)) await close();
});

const rules = (changed = {}) =>
  document({ allowedNetworks: ["solana-devnet"], maxReleasePerDay: "5.00", ...changed });

const payment = (name: string, amount = "10000") =>
  intent(name, {
    network: DEVNET,
    asset: chain.token,
    payTo: PAYEE,
    amount,
    extra: { feePayer: FEE_PAYER.publicKey.toBase58() },
  });

async function sign(name: string, amount?: string, context = chain.ledger.context()): Promise<string> {
  const result = await signer.sign(payment(name, amount), { context });
  if (result.outcome !== "signed") throw new Error(JSON.stringify(result));
  return (result.payload as { transaction: string }).transaction;
}

/** As a facilitator does: the fee payer's signature is put into its place. */
function settle(transaction: string) {
  const signed = VersionedTransaction.deserialize(Buffer.from(transaction, "base64"));
  signed.sign([FEE_PAYER]);
  return chain.ledger.send(Buffer.from(signed.serialize()).toString("base64"));
}

/** Both clocks go on. */
function pass(blocks: number, seconds = (blocks * BLOCK_MS) / 1000): void {
  now += seconds * 1000;
  chain.advance({ blocks, seconds });
}
/** So long that everything that was signed before is over. */
const passAll = (): void => {
  pass(100, 2 * 600);
  pass(1100);
};

async function endpoint(lie?: Lie): Promise<string> {
  const { url, close } = await chain.endpoint(lie);
  closing.push(close);
  return url;
}

const reconcile = (urls: readonly string[], ...more: string[]): Promise<Outcome> => {
  const rpc = urls.flatMap((url) => ["--rpc", `solana-devnet=${url}`]);
  return policy(home.folder, ["reconcile", "--socket", signer.running.desk, ...rpc, ...more]);
};

async function states(): Promise<Record<string, string>> {
  const { payments } = await agentCall(await signer.agent(), "history.list", {});
  return Object.fromEntries(payments.map(({ id, state }) => [id, state]));
}

const answering =
  (method: string, answer: (honest: unknown) => unknown): Lie =>
  (asked, _, honest) =>
    asked === method ? answer(honest()) : honest();

describe("what became of payments on Solana", () => {
  it("is found among the transactions of the account: executed, failed there, and never seen", async () => {
    const paid = await sign("paid");
    await sign("unused");
    expect(settle(paid)).toMatchObject({ err: null });
    // More than is there by now.
    expect(settle(await sign("failed", "995000"))).toMatchObject({
      err: { InstructionError: [2, { Custom: 1 }] },
    });
    passAll();
    await sign("alive");
    const { status, stdout, stderr } = await reconcile([chain.url, await endpoint()]);
    expect([stderr.split("\n")[0], status]).toEqual(["2 released (1.005 USD), 1 settled, 0 left", 0]);
    expect(stdout).toMatch(new RegExp(`^settled +default +0\\.01 USD +solana-devnet +${idOf("paid")}$`, "m"));
    expect(await states()).toEqual({
      [idOf("paid")]: "settled",
      [idOf("unused")]: "released",
      [idOf("failed")]: "released",
      [idOf("alive")]: "reserved",
    });
    expect(chain.balanceOf(PAYEE)).toBe(10_000n);
  });

  it("cannot be told before the chain has got higher, and a client must not begin anew meanwhile", async () => {
    await sign("one");
    pass(180, 151);
    expect(await outcomeOf(signer.sign(payment("one"), { context: chain.ledger.context() }))).toBe(
      "INTENT_UNRESOLVED",
    );
    const { status, stdout } = await reconcile([chain.url, await endpoint()]);
    expect([status, stdout]).toEqual([1, expect.stringContaining("wait")]);
    // 300 blocks above its blockhash, and final.
    pass(160);
    expect((await reconcile([chain.url, await endpoint()])).status).toBe(0);
    expect(await outcomeOf(signer.sign(payment("one"), { context: chain.ledger.context() }))).toBe(
      "INTENT_FINAL",
    );
  });

  it("is not told by the time of a cluster that halts: the message still counts when it goes on", async () => {
    const transaction = await sign("one");
    pass(40, HOUR);
    expect((await reconcile([chain.url, await endpoint()])).stdout).toContain("wait");
    expect(settle(transaction)).toMatchObject({ err: null });
    pass(40);
    // Used in a final block is used, however high that is.
    expect((await reconcile([chain.url, await endpoint()])).stdout).toMatch(/^settled/);
  });

  it("is found among many others, over several pages", async () => {
    const paid = await sign("paid");
    await sign("unused");
    settle(paid);
    for (let n = 0; n < 12; n++) {
      pass(60);
      settle(await sign(`other-${n}`, "1"));
    }
    passAll();
    const short: Lie = (method, _, honest) =>
      method === "getSignaturesForAddress" ? (honest() as unknown[]).slice(0, 3) : honest();
    const { stderr } = await reconcile([chain.url, await endpoint(short)]);
    expect(stderr.split("\n")[0]).toBe("1 released (0.01 USD), 13 settled, 0 left");
  });
});

it("tells of payments on a rail that the signer has not loaded", async () => {
  await sign("one");
  passAll();
  await signer.apply(rules({ allowedNetworks: ["base-sepolia"] }));
  await signer.close();
  signer = await home.start({ clock: () => now });
  const { status, stdout, stderr } = await reconcile([chain.url, await endpoint()]);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("payments on solana-devnet are left out: the signer has not loaded its rail");
});

describe("nothing is released on Solana by", () => {
  const nothing = answering("getSignaturesForAddress", () => []);

  /** What is said of one payment that was made. */
  async function paidBut(second: string): Promise<{ stdout: string; stderr: string }> {
    settle(await sign("paid"));
    passAll();
    const { status, stdout, stderr } = await reconcile([chain.url, second]);
    expect([status, await states()]).toEqual([1, { [idOf("paid")]: "expired" }]);
    return { stdout, stderr };
  }

  it("one endpoint that hides the transaction; two that do, up to maxReleasePerDay", async () => {
    const { stdout } = await paidBut(await endpoint(nothing));
    expect(stdout).toContain("the endpoints do not agree");
    await signer.apply(rules({ maxReleasePerDay: "0.01" }));
    settle(await sign("second"));
    passAll();
    const lied = await reconcile([await endpoint(nothing), await endpoint(nothing)]);
    expect(lied.stderr).toContain("1 released (0.01 USD), 0 settled, 1 left");
    expect(lied.stdout).toContain("it would pass the policy's maxReleasePerDay");
  });

  it("any endpoint, when the blockhash is of another cluster, where it may be alive", async () => {
    const mainnet = Keypair.generate().publicKey.toBase58();
    await sign("elsewhere", "10000", { ...chain.ledger.context(), recentBlockhash: mainnet });
    await sign("here");
    passAll();
    const { stdout } = await reconcile([chain.url, await endpoint()]);
    expect(stdout).toMatch(new RegExp(`^left .*${idOf("elsewhere")} +no final block has the hash`, "m"));
    expect(await states()).toEqual({ [idOf("elsewhere")]: "expired", [idOf("here")]: "released" });
  });

  it.each(["behind", "ahead"])(
    "a clock that was three minutes %s at the signing, when it lives",
    async (way) => {
      if (way === "ahead") now += 180_000;
      else chain.advance({ blocks: 450 });
      settle(await sign("paid"));
      await sign("unused");
      passAll();
      const { stderr } = await reconcile([chain.url, await endpoint()]);
      expect(stderr).toContain("1 released (0.01 USD), 1 settled, 0 left");
    },
  );

  it("endpoints that hide it, and tell of a block in which they have forgotten", async () => {
    const forgetful: Lie = (method, params, honest) =>
      method === "getFirstAvailableBlock"
        ? chain.ledger.blocks.tip("finalized").slot
        : nothing(method, params, honest);
    const { stderr } = await paidBut(await endpoint(forgetful));
    expect(stderr).toContain("has forgotten the transactions of the time of signing");
  });

  it.each<[string, string, Lie]>([
    [
      "on another cluster",
      "serves solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
      answering("getGenesisHash", () => "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
    ],
    [
      "that calls its newest slot an old one",
      "",
      (method, params, honest) => (method === "getSlot" ? 1030 : nothing(method, params, honest)),
    ],
    [
      "that mixes up the order",
      "answers getSignaturesForAddress out of order",
      answering("getSignaturesForAddress", (list) => [
        ...(list as object[]),
        { signature: "1".repeat(64), slot: 1e9, blockTime: 1, err: null },
      ]),
    ],
    [
      "that keeps no transactions",
      "has no answer to getTransaction",
      answering("getTransaction", () => null),
    ],
    [
      "that shows another message for it",
      "",
      answering("getTransaction", (found) => ({
        ...(found as object),
        transaction: [Buffer.alloc(300, 1).toString("base64"), "base64"],
      })),
    ],
  ])("one endpoint %s", async (_, why, lie) => {
    const { stderr } = await paidBut(await endpoint(lie));
    expect(stderr).toContain(why);
  });
});
