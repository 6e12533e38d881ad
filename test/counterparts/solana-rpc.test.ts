// The cluster that tests run against, read by @solana/web3.js, which checks the shape of every answer.
import { Connection, Keypair, PublicKey, VersionedTransaction } from "@solana/web3.js";
import { createSolanaRpc, devnet } from "@solana/kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Draft } from "../../chains/rail.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { FEE_PAYER, PAYEE, PAYER, SEED, keyOf, orderOf, seedOf } from "../chains/solana-orders.ts";
import { BLOCKHASH_LIFE, FINAL_AFTER } from "./solana-blocks.ts";
import { DEVNET_GENESIS, type SolanaChain, USDC, startSolanaChain } from "./solana-chain.ts";
import { RpcError } from "./solana-rpc.ts";
import { tokenAccountOf } from "./solana-tokens.ts";

const rail = await loadSolanaRail();
let chain: SolanaChain;
let connection: Connection;
let rpc: ReturnType<typeof createSolanaRpc>;
beforeAll(async () => {
  chain = await startSolanaChain(1_800_000_000);
  connection = new Connection(chain.url, "confirmed");
  rpc = createSolanaRpc(devnet(chain.url));
  chain.ledger.airdrop(FEE_PAYER);
  chain.mint(PAYER, 1_000_000n);
  chain.mint(PAYEE, 0n);
});
afterAll(() => chain.close());

const source = () => new PublicKey(tokenAccountOf(PAYER, USDC));

/** Signed by the payer and the fee payer. */
function signed(nonce: number, amount = 10_000n): VersionedTransaction {
  const drafted = rail.draft(orderOf({ nonce: seedOf(nonce), amount }), chain.ledger.context()) as Draft;
  const { transaction } = rail.sign(drafted.bytes, keyOf(SEED)) as { transaction: string };
  const read = VersionedTransaction.deserialize(Buffer.from(transaction, "base64"));
  read.sign([Keypair.fromSeed(seedOf(3))]);
  return read;
}

describe("the cluster", () => {
  it("is devnet by its genesis, and has slots without blocks", async () => {
    expect(await connection.getGenesisHash()).toBe(DEVNET_GENESIS);
    const slot = await connection.getSlot("confirmed");
    const blocks = await connection.getBlocks(slot - 23, slot, "confirmed");
    expect(blocks).toHaveLength(24 - 3);
    expect(blocks.at(-1)).toBe(slot);
    expect(await connection.getBlockTime(slot)).toBe(1_800_000_000);
  });

  it("has final blocks below the newest", async () => {
    const [tip, final] = await Promise.all([
      connection.getBlockHeight("confirmed"),
      connection.getBlockHeight("finalized"),
    ]);
    expect(tip - final).toBe(FINAL_AFTER);
    const options = { commitment: "finalized", transactionDetails: "none", rewards: false } as const;
    const block = (slot: number) => rpc.getBlock(BigInt(slot), options).send();
    const { blockTime, blockHeight } = (await block(await connection.getSlot("finalized")))!;
    expect([Number(blockTime), Number(blockHeight)]).toEqual([1_800_000_000 - 13, final]);
    await expect(block(await connection.getSlot("confirmed"))).rejects.toThrow();
  });

  it("knows balances", async () => {
    expect((await connection.getTokenAccountBalance(source())).value.amount).toBe("1000000");
    const { value } = await connection.getParsedTokenAccountsByOwner(new PublicKey(PAYER), {
      mint: new PublicKey(USDC.mint),
    });
    expect(value.map(({ pubkey }) => pubkey.toBase58())).toEqual([source().toBase58()]);
    expect((await connection.getAccountInfo(source()))!.data).toHaveLength(165);
    await expect(connection.getTokenAccountBalance(new PublicKey(PAYER))).rejects.toThrow(
      "could not find account",
    );
    expect(await connection.getBalance(new PublicKey(FEE_PAYER))).toBe(10_000_000_000);
  });
});

describe("a transaction", () => {
  it("is simulated, sent, executed, and final when enough blocks have followed", async () => {
    const transaction = signed(1);
    const { value } = await connection.simulateTransaction(transaction, { sigVerify: true });
    expect(value.err).toBeNull();
    const signature = await connection.sendTransaction(transaction);
    expect(chain.balanceOf(PAYEE)).toBe(10_000n);
    const status = async () => (await connection.getSignatureStatus(signature)).value;
    expect(await status()).toMatchObject({ err: null, confirmationStatus: "confirmed" });
    const listed = (commitment: "confirmed" | "finalized") =>
      connection
        .getSignaturesForAddress(source(), {}, commitment)
        .then((all) => all.map((each) => each.signature));
    expect([await listed("confirmed"), await listed("finalized")]).toEqual([[signature], []]);
    chain.advance({ blocks: FINAL_AFTER });
    expect(await status()).toMatchObject({ confirmations: null, confirmationStatus: "finalized" });
    expect(await listed("finalized")).toEqual([signature]);
    const options = {
      encoding: "base64",
      commitment: "finalized",
      maxSupportedTransactionVersion: 0,
    } as const;
    const found = await rpc.getTransaction(signature as never, options).send();
    expect(found!.transaction[0]).toBe(Buffer.from(transaction.serialize()).toString("base64"));
  });

  it("that fails is in a block, if it is sent without being tried first", async () => {
    const transaction = signed(2, 2_000_000n);
    await expect(connection.sendTransaction(transaction)).rejects.toThrow("simulation failed");
    const signature = await connection.sendTransaction(transaction, { skipPreflight: true });
    const { value } = await connection.getSignatureStatus(signature);
    expect(value!.err).toEqual({ InstructionError: [2, { Custom: 1 }] }); // insufficient funds
  });

  it("dies with its blockhash", async () => {
    const { blockhash, lastValidBlockHeight } = await connection.getLatestBlockhash("confirmed");
    const transaction = signed(3);
    chain.advance({ blocks: BLOCKHASH_LIFE });
    expect(await connection.getBlockHeight("confirmed")).toBe(lastValidBlockHeight);
    expect((await connection.isBlockhashValid(blockhash)).value).toBe(true);
    chain.advance({});
    expect((await connection.isBlockhashValid(blockhash)).value).toBe(false);
    await expect(connection.sendTransaction(transaction, { skipPreflight: true })).rejects.toThrow(
      "BlockhashNotFound",
    );
  });
});

it("another endpoint of the same cluster may lie, and be dead", async () => {
  const liar = await chain.endpoint((method, _params, honest) => {
    if (method === "getSlot") throw new RpcError(-32005, "Node is behind");
    return method === "getBlockHeight" ? 7 : honest();
  });
  const other = new Connection(liar.url, "confirmed");
  await expect(other.getSlot()).rejects.toThrow("Node is behind");
  expect(await other.getBlockHeight()).toBe(7);
  expect(await other.getGenesisHash()).toBe(DEVNET_GENESIS);
  await liar.close();
});
