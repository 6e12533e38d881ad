// A Solana cluster on this machine: LiteSVM with the real token programs, devnet's USDC at its own address, blocks that a
// test makes, and JSON-RPC over it all.
import { VersionedTransaction } from "@solana/web3.js";
import { type Address, getTransactionDecoder } from "@solana/kit";
import { base58 } from "@scure/base";
import { FailedTransactionMetadata, LiteSVM, type TransactionMetadata } from "litesvm";
import { type Block, Blocks } from "./solana-blocks.ts";
import { type Lie, serveSolana } from "./solana-rpc.ts";
import {
  SPL_TOKEN,
  type Token,
  readTokenAccount,
  tokenAccountOf,
  writeMint,
  writeTokenAccount,
} from "./solana-tokens.ts";

export const DEVNET = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
/** Of the real cluster: its beginning is the network's id. */
export const DEVNET_GENESIS = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";
export const USDC: Token = {
  mint: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
  program: SPL_TOKEN,
  decimals: 6,
};

/** What became of a transaction: it is in a block, whether or not it failed there, or in none, and why. */
export type Sent =
  { readonly signature: string; readonly block: Block; readonly err: unknown } | { readonly refused: string };

/** Amounts in atomic units: 1 USDC is 1,000,000. Owners are wallets, in base58. */
export class SolanaLedger {
  readonly svm = new LiteSVM().withBlockhashCheck(false);
  readonly blocks: Blocks;
  readonly genesis = DEVNET_GENESIS;

  constructor(now: number) {
    this.blocks = new Blocks(this.genesis, now);
    this.addMint(USDC);
  }

  addMint(token: Token): void {
    // All that anyone may ever hold of it.
    writeMint(this.svm, token, 2n ** 64n - 1n);
  }

  /** Opens the owner's token account if there is none; 0 opens it empty. */
  mint(owner: string, amount: bigint, token = USDC): void {
    writeTokenAccount(this.svm, owner, token, this.balanceOf(owner, token) + amount);
  }

  balanceOf(owner: string, token = USDC): bigint {
    return readTokenAccount(this.svm, tokenAccountOf(owner, token))?.amount ?? 0n;
  }

  /** Lamports, for fees. */
  airdrop(address: string, lamports = 10_000_000_000n): void {
    this.svm.airdrop(address as Address, lamports as never);
  }

  /** What a client needs to know for a payment. */
  context() {
    const { hash, height } = this.blocks.tip();
    return { recentBlockhash: hash, lastValidBlockHeight: height + 150 };
  }

  /** `wire`: a transaction in base64. It is executed at once, in a block of its own. */
  send(wire: string): Sent {
    const bytes = Buffer.from(wire, "base64");
    const { message } = VersionedTransaction.deserialize(bytes);
    if (!this.blocks.isLive(message.recentBlockhash)) return { refused: "BlockhashNotFound" };
    if (!isSigned(bytes)) return { refused: "SignatureFailure" };
    const result = this.svm.sendTransaction(getTransactionDecoder().decode(bytes));
    const err = errorOf(result);
    if (typeof err === "string") return { refused: err };
    const signature = base58.encode(bytes.subarray(1, 65));
    const accounts = message.staticAccountKeys.map((key) => key.toBase58());
    const logs = (result instanceof FailedTransactionMetadata ? result.meta() : result).logs();
    return { signature, err, block: this.blocks.add({ signature, wire, accounts, err, logs }) };
  }

  /** Signatures are checked if asked; an unsigned place is 64 zero bytes. */
  simulate(wire: string, sigVerify = false) {
    const bytes = Buffer.from(wire, "base64");
    const { message } = VersionedTransaction.deserialize(bytes);
    if (!this.blocks.isLive(message.recentBlockhash))
      return { err: "BlockhashNotFound", logs: [], units: 0n };
    if (sigVerify && !isSigned(bytes)) return { err: "SignatureFailure", logs: [], units: 0n };
    this.svm.withSigverify(sigVerify);
    try {
      const result = this.svm.simulateTransaction(getTransactionDecoder().decode(bytes));
      const meta = result.meta();
      const err = result instanceof FailedTransactionMetadata ? errorOf(result) : null;
      return { err, logs: meta.logs(), units: meta.computeUnitsConsumed() };
    } finally {
      this.svm.withSigverify(true);
    }
  }
}

const ERROR = /err: (?:InstructionError\((\d+), (?:Custom\((\d+)\)|(\w+))|(\w+))/;

/** Null; or an error in an instruction, as the RPC writes it; or the name of what kept the transaction out of a block. */
function errorOf(result: TransactionMetadata | FailedTransactionMetadata): unknown {
  if (!(result instanceof FailedTransactionMetadata)) return null;
  const [, index, custom, name, refused] = ERROR.exec(result.toString()) ?? [];
  if (index === undefined) return refused ?? result.toString();
  return { InstructionError: [Number(index), custom === undefined ? name : { Custom: Number(custom) }] };
}

/** Solana's clusters take nothing that lacks a signature, and LiteSVM throws for it. */
const isSigned = (bytes: Uint8Array): boolean =>
  VersionedTransaction.deserialize(bytes).signatures.every((signature) =>
    signature.some((byte) => byte !== 0),
  );

export type SolanaChain = Awaited<ReturnType<typeof startSolanaChain>>;

/**
 * `now`: unix seconds, the time of the newest block. Blocks are made by transactions and by `advance` only. `endpoint`
 * opens another door to the same chain, which may lie.
 */
export async function startSolanaChain(now = Math.floor(Date.now() / 1000)) {
  const ledger = new SolanaLedger(now);
  const { url, close } = await serveSolana(ledger);
  return {
    ...{ ledger, url, close, network: DEVNET, token: USDC.mint },
    mint: ledger.mint.bind(ledger),
    balanceOf: ledger.balanceOf.bind(ledger),
    advance: ledger.blocks.advance.bind(ledger.blocks),
    endpoint: (lie?: Lie) => serveSolana(ledger, lie),
  } as const;
}
