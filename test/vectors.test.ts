// The vectors of test/vectors, run through the real functions. Other implementations may run them too: each file is
// { name, why, input, expect: { ok } or { code } }, and the folder says what the input is. The vault's are in test/vault.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { parseAddress, toAddress } from "../chains/evm/address.ts";
import { digestOf } from "../chains/evm/eip3009.ts";
import { evmRail } from "../chains/evm/rail.ts";
import type { Draft, Refusal } from "../chains/rail.ts";
import { loadSolanaRail } from "../chains/solana/rail.ts";
import { parseUnits } from "../protocol/amount.ts";
import type { PinnedAsset } from "../protocol/assets.ts";
import type { RowAddition } from "../protocol/audit.ts";
import { X402Error, isCode } from "../protocol/errors.ts";
import { fingerprint, intentSchema } from "../protocol/intent.ts";
import { type Json, canonicalJson, parseJson } from "../protocol/json.ts";
import type { AuditRow, Head } from "../protocol/shapes.ts";
import { networkOf } from "../protocol/networks.ts";
import { decodeReply, decodeRequest } from "../protocol/rpc.ts";
import { Chain } from "../verify/chain.ts";
import { Counters } from "../verify/counters.ts";
import { Untrue } from "../verify/untrue.ts";
import { paymentHeader, readTerms, withPaymentIdentifier } from "../protocol/x402.ts";
import { cardanoBody } from "./chains/cardano-vector.ts";

interface Vector {
  readonly name: string;
  readonly why: string;
  readonly input: never;
  readonly expect: { readonly ok?: unknown; readonly code?: string };
}

type TermsInput = { header?: string; body?: string };

const CODECS: Readonly<Record<string, (input: never) => unknown>> = {
  amount: ({ text, decimals }: { text: string; decimals: number }) => parseUnits(text, decimals).toString(),
  json: (text: string) => parseJson(text),
  "canonical-json": (value: Json) => canonicalJson(value),
  network: (text: string) => networkOf(text) ?? null,
  intent: (wire: Json) => {
    const { success, data } = intentSchema.safeParse(wire);
    if (!success) throw new X402Error("INVALID_REQUEST");
    return { fingerprint: fingerprint(data) };
  },
  request: (line: string) => decodeRequest(line),
  reply: (line: string) => {
    const reply = decodeReply(line);
    return "error" in reply ? { id: reply.id, error: reply.error.code } : reply;
  },
  terms: (input: TermsInput) => {
    const terms = readTerms(input);
    const accepts = terms?.accepts.map(({ scheme, caip2, asset, payTo, amount, maxTimeoutSeconds }) => {
      return { scheme, network: caip2, asset, payTo, amount: amount.toString(), maxTimeoutSeconds };
    });
    return terms ? { version: terms.version, accepts } : null;
  },
  payment: ({ terms: input, payload, id }: { terms: TermsInput; payload: Json; id: string }) => {
    const terms = readTerms(input)!;
    const extensions = withPaymentIdentifier(terms.extensions, id);
    const { name, value } = paymentHeader(terms, terms.accepts[0]!, payload, extensions);
    return { name, message: JSON.parse(Buffer.from(value, "base64").toString()) as unknown };
  },
  address: (text: string) => {
    const bytes = parseAddress(text);
    if (!bytes) throw new X402Error("INVALID_PAYEE");
    return toAddress(bytes);
  },
  eip3009,
  "solana-message": solanaMessage,
  "cardano-body": cardanoBody,
  audit: ({ ledger, rows, head }: { ledger: string; rows: AuditRow[]; head: Head }) => {
    const chain = new Chain(ledger);
    return untrue(() => {
      for (const row of rows) chain.add(row);
      chain.end();
      return isDeepStrictEqual(chain.head, head);
    });
  },
  counters: ({ additions, counters }: { additions: RowAddition[]; counters: RowAddition[] }) => {
    const sums = new Counters();
    return untrue(() => {
      sums.add({ add: additions }, 1, false);
      sums.expect(counters);
      return true;
    });
  },
};

/** The verifier has no codes. */
function untrue<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw error instanceof Untrue ? new X402Error("LEDGER_DAMAGED", error.message) : error;
  }
}

interface Eip3009Input {
  asset: Pick<PinnedAsset, "network" | "address" | "name" | "version">;
  payTo: string;
  amount: string;
  validBefore: number;
  nonce: string;
  key: string;
  method?: string;
}

/** A payment by the key's own account: its draft, digest and payload. */
function eip3009(input: Eip3009Input): unknown {
  const { payTo, validBefore, nonce } = input;
  const asset = { ...input.asset, symbol: "TEST", decimals: 6, pegged: true };
  const key = { use: <T>(fn: (bytes: Uint8Array) => T) => fn(Buffer.from(input.key, "hex")) };
  const intent = {
    ...{ id: "0123456789abcdef", scheme: "exact", network: asset.network, asset: asset.address, payTo },
    ...{ amount: BigInt(input.amount), maxTimeoutSeconds: 60, claims: {} },
    ...(input.method === undefined ? {} : { extra: { assetTransferMethod: input.method } }),
  };
  const order = {
    intent,
    asset,
    from: evmRail.addressOf(key),
    nonce: Buffer.from(nonce, "hex"),
    validBefore,
    lockedUntil: () => undefined,
  };
  const draft = evmRail.draft(order, undefined) as Draft | Refusal;
  if ("refused" in draft) throw new X402Error(draft.refused);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const { bytes } = draft;
  return { draft: hex(bytes), digest: hex(digestOf(bytes)), payload: evmRail.sign(bytes, key) };
}

const solanaRail = await loadSolanaRail();

interface SolanaInput {
  asset: Pick<PinnedAsset, "network" | "address" | "decimals" | "tokenProgram">;
  payTo: string;
  amount: string;
  feePayer?: string;
  memo?: string;
  nonce: string;
  recentBlockhash?: string;
  key: string;
  method?: string;
}

/** A payment by the key's own account: its draft and payload. */
function solanaMessage(input: SolanaInput): unknown {
  const { payTo, feePayer, memo, method, recentBlockhash } = input;
  const asset = { ...input.asset, symbol: "TEST", pegged: true };
  const key = { use: <T>(fn: (bytes: Uint8Array) => T) => fn(Buffer.from(input.key, "hex")) };
  const intent = {
    ...{ id: "0123456789abcdef", scheme: "exact", network: asset.network, asset: asset.address, payTo },
    ...{ amount: BigInt(input.amount), maxTimeoutSeconds: 60, claims: {} },
    extra: {
      ...(feePayer === undefined ? {} : { feePayer }),
      ...(memo === undefined ? {} : { memo }),
      ...(method === undefined ? {} : { assetTransferMethod: method }),
    },
  };
  const order = {
    ...{ intent, asset, from: solanaRail.addressOf(key), nonce: Buffer.from(input.nonce, "hex") },
    ...{ validBefore: 1_900_000_000, lockedUntil: () => undefined },
  };
  const context = recentBlockhash === undefined ? {} : { recentBlockhash };
  const draft = solanaRail.draft(order, context) as Draft | Refusal;
  if ("refused" in draft) throw new X402Error(draft.refused);
  const { bytes } = draft;
  return { draft: Buffer.from(bytes).toString("hex"), payload: solanaRail.sign(bytes, key) };
}

const ROOT = join(import.meta.dirname, "vectors");
const ELSEWHERE = ["vault", "policy"];

const read = (codec: string): Vector[] =>
  readdirSync(join(ROOT, codec)).map(
    (file) => JSON.parse(readFileSync(join(ROOT, codec, file), "utf8")) as Vector,
  );

describe("vectors", () => {
  it("are there for every codec, and every folder of them is run", () => {
    const folders = readdirSync(ROOT).filter((folder) => !ELSEWHERE.includes(folder));
    expect(folders.sort()).toEqual(Object.keys(CODECS).sort());
    for (const folder of folders) {
      const vectors = read(folder);
      expect(vectors.length, folder).toBeGreaterThan(0);
      expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
      for (const vector of vectors) {
        expect(Object.keys(vector)).toEqual(["name", "why", "input", "expect"]);
        expect(Object.keys(vector.expect)).toHaveLength(1);
        if (vector.expect.code !== undefined) expect(isCode(vector.expect.code)).toBe(true);
      }
    }
  });

  describe.each(Object.keys(CODECS))("of %s", (codec) => {
    it.each(read(codec))("$name", ({ input, expect: expected }) => {
      const run = () => CODECS[codec]!(input);
      if (expected.code === undefined) expect(run()).toEqual(expected.ok);
      else expect(run).toThrow(expect.objectContaining({ name: "X402Error", code: expected.code }) as Error);
    });
  });
});
