// A payment's message as @solana/web3.js and as @solana/kit read it, and as the first writes it.
import {
  decompileTransactionMessage,
  getCompiledTransactionMessageDecoder,
  type Instruction,
  isSignerRole,
  isWritableRole,
} from "@solana/kit";
import {
  ComputeBudgetInstruction,
  MessageV0,
  PublicKey,
  TransactionMessage,
  VersionedMessage,
} from "@solana/web3.js";
import { expect } from "vitest";
import type { TransferMessage } from "../../chains/solana/message.ts";
import { solanaText } from "../../protocol/solana-address.ts";
import { SPL_TOKEN, TOKEN_2022 } from "../counterparts/solana-tokens.ts";

export const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
const COMPUTE_BUDGET = "ComputeBudget111111111111111111111111111111";

/** What both libraries are asked: four instructions with their accounts' parts, and the lifetime. */
export const expected = (message: TransferMessage) => {
  const { feePayer, authority, source, destination, mint, blockhash, memo } = message;
  const account = (key: Uint8Array, signer: boolean, writable: boolean) => ({
    key: solanaText(key),
    ...{ signer, writable },
  });
  const [, budgetLimit, budgetPrice] = ["", "02204e0000", "030100000000000000"];
  const transfer = Buffer.alloc(10);
  transfer[0] = 12; // SPL Token: TransferChecked
  transfer.writeBigUInt64LE(message.amount, 1);
  transfer[9] = message.decimals;
  return {
    feePayer: solanaText(feePayer),
    blockhash: solanaText(blockhash),
    instructions: [
      { program: COMPUTE_BUDGET, accounts: [], data: budgetLimit },
      { program: COMPUTE_BUDGET, accounts: [], data: budgetPrice },
      {
        program: message.tokenProgram === "token-2022" ? TOKEN_2022 : SPL_TOKEN,
        accounts: [
          account(source, false, true),
          account(mint, false, false),
          account(destination, false, true),
          account(authority, true, false),
        ],
        data: hex(transfer),
      },
      { program: MEMO, accounts: [], data: hex(memo) },
    ],
  };
};

export function byWeb3(bytes: Uint8Array) {
  const compiled = VersionedMessage.deserialize(bytes);
  if (compiled.version !== 0) throw new Error("not version 0");
  expect(compiled.addressTableLookups).toEqual([]);
  expect(compiled.header.numRequiredSignatures).toBe(2);
  const message = TransactionMessage.decompile(compiled);
  const budget = message.instructions.slice(0, 2);
  expect(ComputeBudgetInstruction.decodeSetComputeUnitLimit(budget[0]!).units).toBe(20_000);
  expect(BigInt(ComputeBudgetInstruction.decodeSetComputeUnitPrice(budget[1]!).microLamports)).toBe(1n);
  return {
    feePayer: message.payerKey.toBase58(),
    blockhash: message.recentBlockhash,
    instructions: message.instructions.map(({ programId, keys, data }) => ({
      program: programId.toBase58(),
      accounts: keys.map(({ pubkey, isSigner, isWritable }) => ({
        key: pubkey.toBase58(),
        ...{ signer: isSigner, writable: isWritable },
      })),
      data: hex(data),
    })),
  };
}

export function byKit(bytes: Uint8Array) {
  const compiled = getCompiledTransactionMessageDecoder().decode(bytes);
  const message = decompileTransactionMessage(compiled);
  const instructions: readonly Instruction[] = message.instructions;
  return {
    feePayer: message.feePayer.address as string,
    blockhash: compiled.lifetimeToken,
    instructions: instructions.map(({ programAddress, accounts = [], data }) => ({
      program: programAddress,
      accounts: accounts.map(({ address, role }) => ({
        key: address,
        signer: isSignerRole(role),
        writable: isWritableRole(role),
      })),
      data: hex(data as Uint8Array | undefined),
    })),
  };
}

/** The same message, written by @solana/web3.js. */
export const writtenByWeb3 = (message: TransferMessage, change: Partial<MessageV0> = {}): Uint8Array => {
  const { instructions } = expected(message);
  const keys = ["feePayer", "authority", "source", "destination", "mint"] as const;
  const staticAccountKeys = [
    ...keys.map((name) => new PublicKey(message[name])),
    ...[COMPUTE_BUDGET, instructions[2]!.program, MEMO].map((key) => new PublicKey(key)),
  ];
  const index = (key: string) => staticAccountKeys.findIndex((each) => each.toBase58() === key);
  const compiledInstructions = instructions.map(({ program, accounts, data }) => ({
    programIdIndex: index(program),
    accountKeyIndexes: accounts.map(({ key }) => index(key)),
    data: Buffer.from(data, "hex"),
  }));
  return new MessageV0({
    header: { numRequiredSignatures: 2, numReadonlySignedAccounts: 1, numReadonlyUnsignedAccounts: 4 },
    staticAccountKeys,
    recentBlockhash: solanaText(message.blockhash),
    compiledInstructions,
    addressTableLookups: [],
    ...change,
  }).serialize();
};
