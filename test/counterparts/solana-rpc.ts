// Solana's JSON-RPC over a cluster of solana-chain.ts: the methods that clients, facilitators and reconcile call, with
// the defaults and errors of the real one (Solana's documents, "RPC HTTP methods").
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Address } from "@solana/kit";
import { BLOCKHASH_LIFE, type Block, type Commitment, type Executed } from "./solana-blocks.ts";
import type { SolanaLedger } from "./solana-chain.ts";
import { listen } from "./listen.ts";
import { SPL_TOKEN, TOKEN_2022, decimalsOf, readTokenAccount } from "./solana-tokens.ts";

/** A bigint is written as the number that it is. */
type Params = readonly unknown[];
type Method = (ledger: SolanaLedger, params: Params) => unknown;

/** Changes what an endpoint answers, or throws an RpcError in its place. */
export type Lie = (method: string, params: Params, honest: () => unknown) => unknown;

export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

interface Options {
  commitment?: Commitment;
  sigVerify?: boolean;
  skipPreflight?: boolean;
  limit?: number;
  before?: string;
  until?: string;
  mint?: string;
  programId?: string;
  transactionDetails?: "full" | "signatures" | "none";
  maxSupportedTransactionVersion?: number;
}
const optionsOf = (value: unknown): Options => (typeof value === "object" && value !== null ? value : {});
/** The real one's default is "finalized". */
const commitmentOf = (value: unknown): Commitment => optionsOf(value).commitment ?? "finalized";

const METHODS: Readonly<Record<string, Method>> = {
  getHealth: () => "ok",
  getVersion: () => ({ "solana-core": "3.0.0", "feature-set": 0 }),
  getGenesisHash: ({ genesis }) => genesis,
  getSlot: ({ blocks }, [options]) => blocks.tip(commitmentOf(options)).slot,
  getBlockHeight: ({ blocks }, [options]) => blocks.tip(commitmentOf(options)).height,
  getFirstAvailableBlock: () => 0,
  getLatestBlockhash: (ledger, [options]) => {
    const { hash, height } = ledger.blocks.tip(commitmentOf(options));
    return withContext(ledger, { blockhash: hash, lastValidBlockHeight: height + BLOCKHASH_LIFE });
  },
  isBlockhashValid: (ledger, [hash]) => withContext(ledger, ledger.blocks.isLive(hash as string)),
  getBlockTime: (ledger, [slot]) => blockAt(ledger, slot as number).time,
  getBlocks: ({ blocks }, [first, last, options]) => {
    const end = Math.min(
      typeof last === "number" ? last : Infinity,
      blocks.tip(commitmentOf(options ?? last)).slot,
    );
    return blocks.between(first as number, end).map(({ slot }) => slot);
  },
  getBlocksWithLimit: ({ blocks }, [first, limit, options]) => {
    const found = blocks.between(first as number, blocks.tip(commitmentOf(options)).slot);
    return found.slice(0, limit as number).map(({ slot }) => slot);
  },
  getBlock,
  getBalance: (ledger, [address]) => withContext(ledger, ledger.svm.getBalance(address as Address) ?? 0n),
  getAccountInfo: (ledger, [address]) => withContext(ledger, accountInfo(ledger, address as string)),
  getTokenAccountBalance: (ledger, [address]) => {
    const account = readTokenAccount(ledger.svm, address as string);
    if (!account) throw new RpcError(-32602, "Invalid param: could not find account");
    return withContext(ledger, tokenAmount(account.amount, decimalsOf(ledger.svm, account.mint)));
  },
  getTokenAccountsByOwner,
  simulateTransaction: (ledger, [wire, options]) => {
    const { err, logs, units } = ledger.simulate(wire as string, optionsOf(options).sigVerify);
    const value = {
      err,
      logs,
      accounts: null,
      unitsConsumed: units,
      returnData: null,
      innerInstructions: null,
    };
    return withContext(ledger, value);
  },
  sendTransaction,
  getSignatureStatuses: (ledger, [signatures]) =>
    withContext(
      ledger,
      (signatures as string[]).map((signature) => statusOf(ledger, signature)),
    ),
  getSignaturesForAddress,
  getTransaction,
};

const withContext = (ledger: SolanaLedger, value: unknown) => ({
  context: { apiVersion: "3.0.0", slot: ledger.blocks.tip().slot },
  value,
});

function blockAt({ blocks }: SolanaLedger, slot: number): Block {
  const block = blocks.at(slot);
  if (block) return block;
  throw slot > blocks.tip().slot
    ? new RpcError(-32004, `Block not available for slot ${slot}`)
    : new RpcError(-32007, `Slot ${slot} was skipped, or missing due to ledger jump to recent snapshot`);
}

function getBlock(ledger: SolanaLedger, [slot, options]: Params): unknown {
  const block = blockAt(ledger, slot as number);
  if (commitmentOf(options) === "finalized" && !ledger.blocks.isFinal(block))
    throw new RpcError(-32004, `Block not available for slot ${block.slot}`);
  const details = optionsOf(options).transactionDetails ?? "full";
  const previous = ledger.blocks.between(0, block.slot - 1).at(-1);
  return {
    blockHeight: block.height,
    blockTime: block.time,
    blockhash: block.hash,
    parentSlot: previous?.slot ?? block.slot - 1,
    previousBlockhash: previous?.hash ?? "1".repeat(32),
    ...(details === "full" && { transactions: block.transactions.map((each) => confirmed(each)) }),
    ...(details === "signatures" && { signatures: block.transactions.map(({ signature }) => signature) }),
  };
}

const confirmed = ({ wire, err, logs }: Executed) => ({
  transaction: [wire, "base64"],
  meta: { err, fee: 10_000, logMessages: logs, status: err === null ? { Ok: null } : { Err: err } },
  version: 0,
});

function accountInfo({ svm }: SolanaLedger, address: string) {
  const account = svm.getAccount(address as Address);
  if (!account.exists) return null;
  return {
    data: [Buffer.from(account.data).toString("base64"), "base64"],
    executable: account.executable,
    lamports: account.lamports,
    owner: account.programAddress,
    rentEpoch: 0,
    space: account.data.length,
  };
}

const tokenAmount = (amount: bigint, decimals: number) => {
  const digits = amount.toString().padStart(decimals + 1, "0");
  const uiAmountString = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return { amount: amount.toString(), decimals, uiAmount: Number(uiAmountString), uiAmountString };
};

/** In the encoding "jsonParsed", which wallets ask for. */
function getTokenAccountsByOwner(ledger: SolanaLedger, [owner, filter]: Params): unknown {
  const { mint, programId } = optionsOf(filter);
  const programs = programId === undefined ? [SPL_TOKEN, TOKEN_2022] : [programId];
  const all = programs.flatMap((program) => ledger.svm.getProgramAccounts(program as Address));
  const found = all.flatMap(({ address, lamports, programAddress }) => {
    const account = readTokenAccount(ledger.svm, address);
    if (!account || account.owner !== owner || ![undefined, account.mint].includes(mint)) return [];
    const amount = tokenAmount(account.amount, decimalsOf(ledger.svm, account.mint));
    const info = {
      ...account,
      amount: undefined,
      isNative: false,
      state: "initialized",
      tokenAmount: amount,
    };
    const program = programAddress === SPL_TOKEN ? "spl-token" : "spl-token-2022";
    const data = { parsed: { info, type: "account" }, program, space: 165 };
    return [
      {
        pubkey: address,
        account: { data, executable: false, lamports, owner: programAddress, rentEpoch: 0 },
      },
    ];
  });
  return withContext(ledger, found);
}

function sendTransaction(ledger: SolanaLedger, [wire, options]: Params): unknown {
  if (optionsOf(options).skipPreflight !== true) {
    const { err, logs } = ledger.simulate(wire as string, true);
    if (err !== null) throw new RpcError(-32002, "Transaction simulation failed", { err, logs });
  }
  const sent = ledger.send(wire as string);
  if ("refused" in sent)
    throw new RpcError(-32002, `Transaction failed: ${sent.refused}`, { err: sent.refused });
  return sent.signature;
}

function statusOf({ blocks }: SolanaLedger, signature: string) {
  const found = blocks.withSignature(signature);
  if (!found) return null;
  const { block, transaction } = found;
  const { err } = transaction;
  const final = blocks.isFinal(block);
  return {
    slot: block.slot,
    confirmations: final ? null : blocks.tip().height - block.height,
    err,
    status: err === null ? { Ok: null } : { Err: err },
    confirmationStatus: final ? "finalized" : "confirmed",
  };
}

/** Newest first; `before` and `until` are left out themselves. */
function getSignaturesForAddress({ blocks }: SolanaLedger, [address, given]: Params): unknown {
  const { limit = 1000, before, until } = optionsOf(given);
  const final = commitmentOf(given) === "finalized";
  const all = blocks.ofAccount(address as string).filter(({ block }) => !final || blocks.isFinal(block));
  const at = (signature: string | undefined) =>
    all.findIndex(({ transaction }) => transaction.signature === signature);
  const end = until === undefined || at(until) < 0 ? all.length : at(until);
  const listed = all.slice(before === undefined ? 0 : at(before) + 1, end).slice(0, limit);
  return listed.map(({ block, transaction: { signature, err } }) => ({
    ...{ signature, err, slot: block.slot, blockTime: block.time, memo: null },
    confirmationStatus: blocks.isFinal(block) ? "finalized" : "confirmed",
  }));
}

function getTransaction({ blocks }: SolanaLedger, [signature, options]: Params): unknown {
  const found = blocks.withSignature(signature as string);
  if (!found || (commitmentOf(options) === "finalized" && !blocks.isFinal(found.block))) return null;
  if (optionsOf(options).maxSupportedTransactionVersion === undefined)
    throw new RpcError(-32015, "Transaction version (0) is not supported by the requesting client");
  return { slot: found.block.slot, blockTime: found.block.time, ...confirmed(found.transaction) };
}

const honest: Lie = (_method, _params, answer) => answer();

/** JSON-RPC over HTTP on a free port of 127.0.0.1. */
export function serveSolana(ledger: SolanaLedger, lie: Lie = honest) {
  return listen((request, response) => {
    void answer(ledger, lie, request).then((body) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(body);
    });
  });
}

async function answer(ledger: SolanaLedger, lie: Lie, request: IncomingMessage): Promise<string> {
  const { id, method, params = [] } = JSON.parse(await text(request)) as Call;
  try {
    const known = METHODS[method];
    if (!known) throw new RpcError(-32601, "Method not found");
    return write({ jsonrpc: "2.0", id, result: lie(method, params, () => known(ledger, params)) });
  } catch (error) {
    const { code, message, data } = error instanceof RpcError ? error : new RpcError(-32603, String(error));
    return write({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });
  }
}

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params?: Params;
}

// In Node, and not yet in the types.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

const write = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? rawJSON(part.toString()) : part,
  );
