// Every reader of what comes from outside, with samples of what it reads: each frame is either read, and then means the
// same when it is written again, or refused with a code of the table.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { evmRail } from "../../chains/evm/rail.ts";
import { parseAddress, toAddress } from "../../chains/evm/address.ts";
import { decodeAuthorization, encodeAuthorization } from "../../chains/evm/eip3009.ts";
import { evmAddress } from "../../policy/address.ts";
import { compileHousehold, compileSession, parseDocument } from "../../policy/document.ts";
import { canonicalDomain, siteOf } from "../../policy/domains.ts";
import { formatUnits, parseUnits } from "../../protocol/amount.ts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { rowHash } from "../../protocol/audit.ts";
import { attestationText, readAttestation } from "../../protocol/audit-jws.ts";
import { fingerprint, intentSchema, toWire } from "../../protocol/intent.ts";
import { canonicalJson, parseJson } from "../../protocol/json.ts";
import { AGENT_METHODS, DESK_METHODS, OBSERVER_METHODS, OPERATOR_METHODS } from "../../protocol/methods.ts";
import { evmChainId, isCaip2, nameOf, networkOf } from "../../protocol/networks.ts";
import { LineReader, decodeReply, decodeRequest, encodeRequest } from "../../protocol/rpc.ts";
import { headSchema } from "../../protocol/shapes.ts";
import { readSettlement, readTerms, toIntent } from "../../protocol/x402.ts";
import { asDamage } from "../../signer/ledger/database.ts";
import { additionsOf, readReserved, recordedClaims } from "../../signer/ledger/rows.ts";
import { decode as decodeVault, encode as encodeVault } from "../../vault/format.ts";
import { createOffer } from "../../vault/handoff.ts";
import * as recovery from "../../vault/recovery.ts";
import { Secret } from "../../vault/secret.ts";
import * as signing from "../../vault/signing.ts";
import { Chain } from "../../verify/chain.ts";
import { PAYEE, document, intent } from "../signer/intents.ts";
import { railCodecs } from "./rail-codecs.ts";

export interface Codec {
  readonly name: string;
  readonly form: "json" | "text" | "bytes";
  readonly samples: readonly Buffer[];
  /** Throws X402Error for what it refuses. */
  read(frame: Buffer): void;
  /** Of a hundred frames. */
  readonly share: number;
}

/** What a vault's file and parts look like, for the codecs that read them. */
export interface Material {
  readonly vaultFile: Buffer;
  readonly signingPart: Buffer;
  readonly auditRows: readonly string[];
  readonly requests: readonly string[];
  /** Of a payment on Solana and one on Cardano, and the accounts that pay. */
  readonly solana: Paid;
  readonly cardano: Paid;
}

export interface Paid {
  readonly draft: Buffer;
  /** As the rail writes it on the payment's network. */
  readonly from: string;
}

const json = (...values: unknown[]): Buffer[] => values.map((value) => Buffer.from(JSON.stringify(value)));
const texts = (...values: string[]): Buffer[] => values.map((value) => Buffer.from(value));
const text = (frame: Buffer): string => frame.toString("utf8");

const POLICY = document({
  timezone: "Europe/Athens",
  allowedDomains: ["*.example.com"],
  blockedRecipients: [PAYEE],
  perCallMax: "0.10",
  perDayMax: "25.00",
  schedule: [{ days: ["mon", "fri"], allow: "08:00-20:00" }],
  budgets: [
    { name: "slow", count: 60, window: "1m" },
    { name: "site", limit: "2.00", window: "day", per: "domain" },
  ],
  agents: { research: { perDayMax: "5.00", expires: "2027-01-01" } },
});

const TERMS = {
  x402Version: 2,
  resource: { url: "https://api.example.com/data" },
  accepts: [
    {
      ...{ scheme: "exact", network: "eip155:84532", asset: PINNED_ASSETS[1]?.address, payTo: PAYEE },
      ...{ amount: "10000", maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" } },
    },
  ],
};

const TERMS_1 = {
  x402Version: 1,
  accepts: [
    {
      ...{ scheme: "exact", network: "base-sepolia", asset: PINNED_ASSETS[1]?.address, payTo: PAYEE },
      ...{ maxAmountRequired: "10000", maxTimeoutSeconds: 60, resource: "https://a.example", extra: null },
    },
  ],
};

const SETTLEMENT = {
  success: true,
  transaction: `0x${"ab".repeat(32)}`,
  network: "eip155:84532",
  payer: PAYEE,
};

const base64 = (value: unknown): Buffer =>
  Buffer.from(Buffer.from(JSON.stringify(value)).toString("base64"), "latin1");

/** All of them; `share` adds up to a hundred or so. */
export function codecs(material: Material): readonly Codec[] {
  const { requests, auditRows } = material;
  return [
    { name: "json", form: "json", share: 12, samples: texts(...requests, ...auditRows), read: readJson },
    { name: "rpc request", form: "json", share: 12, samples: texts(...requests), read: readRequest },
    { name: "rpc reply", form: "json", share: 4, samples: replies(), read: readReply },
    { name: "lines", form: "bytes", share: 4, samples: texts(requests.join("\n")), read: readLines },
    { name: "methods", form: "json", share: 14, samples: texts(...requests), read: readParams },
    { name: "intent", form: "json", share: 10, samples: json(intent(1), intent(2, EXTRA)), read: readIntent },
    {
      name: "amount",
      form: "text",
      share: 4,
      samples: texts("12.50", "0", "0.000001", "9".repeat(31)),
      read: readAmount,
    },
    {
      name: "network",
      form: "text",
      share: 3,
      samples: texts("base", "eip155:8453", "solana:x"),
      read: readNetwork,
    },
    {
      name: "address",
      form: "text",
      share: 4,
      samples: texts(PAYEE, PAYEE.toLowerCase()),
      read: readAddress,
    },
    {
      name: "domain",
      form: "text",
      share: 4,
      samples: texts("https://a.example.com:8443/p?q=1", "*.example.com"),
      read: readDomain,
    },
    { name: "terms header", form: "text", share: 4, samples: [base64(TERMS)], read: readHeader },
    { name: "terms body", form: "json", share: 4, samples: json(TERMS_1, TERMS), read: readBody },
    { name: "settlement", form: "text", share: 2, samples: [base64(SETTLEMENT)], read: settlement },
    { name: "authorization", form: "bytes", share: 3, samples: [authorization()], read: readAuthorization },
    ...railCodecs(material),
    { name: "audit row", form: "json", share: 6, samples: texts(...auditRows), read: readRow },
    { name: "attestation", form: "text", share: 3, samples: [attestation()], read: readJws },
    { name: "policy", form: "json", share: 3, samples: json(POLICY), read: readPolicy },
    {
      name: "session policy",
      form: "json",
      share: 2,
      samples: json({ perCallMax: "1.00" }, SESSION),
      read: readSession,
    },
    { name: "head", form: "json", share: 2, samples: json(HEAD), read: readHead },
    { name: "vault file", form: "bytes", share: 2, samples: [material.vaultFile], read: readVault },
    {
      name: "vault file, checksum right",
      form: "bytes",
      share: 2,
      samples: [material.vaultFile],
      read: readChecked,
    },
    { name: "signing part", form: "bytes", share: 2, samples: [material.signingPart], read: readSigning },
    { name: "recovery part", form: "bytes", share: 1, samples: [recoveryPart()], read: readRecovery },
    { name: "handoff", form: "json", share: 0.2, samples: json(HANDOFF), read: readHandoff },
  ];
}

const EXTRA = { extra: { assetTransferMethod: "eip3009", memo: "m" }, claims: {} };
const SESSION = { perSessionMax: "0.25", budgets: [{ name: "m", count: 3, window: "1m" }] };
const HEAD = { ledger: "ab".repeat(16), seq: 7, hash: "cd".repeat(32) };
const HANDOFF = {
  ephemeral: Buffer.alloc(32, 9).toString("base64url"),
  box: Buffer.alloc(60, 1).toString("base64url"),
  sealed: Buffer.alloc(300, 2).toString("base64url"),
};

const replies = (): Buffer[] =>
  json(
    { jsonrpc: "2.0", id: 1, result: { a: [1, "x"] } },
    { jsonrpc: "2.0", id: "x", error: { code: -32000, message: "m", data: { code: "BUSY", hint: "h" } } },
  );

const SCHEMAS = { ...AGENT_METHODS, ...OBSERVER_METHODS, ...DESK_METHODS, ...OPERATOR_METHODS };

function readJson(frame: Buffer): void {
  const written = JSON.stringify(parseJson(text(frame)));
  assert.equal(JSON.stringify(parseJson(written)), written);
}

function readRequest(frame: Buffer): void {
  const { id, method, params } = decodeRequest(text(frame));
  assert.deepEqual(decodeRequest(encodeRequest(id, method, params)), { id, method, params });
}

function readReply(frame: Buffer): void {
  const reply = decodeReply(text(frame));
  assert.ok("error" in reply || "result" in reply);
}

/** However the bytes are cut, the lines are the same. */
function readLines(frame: Buffer): void {
  const whole = new LineReader(200).push(frame);
  const reader = new LineReader(200);
  const middle = frame.length >> 1;
  assert.deepEqual(
    [...reader.push(frame.subarray(0, middle)), ...reader.push(frame.subarray(middle))],
    whole,
  );
}

function readParams(frame: Buffer): void {
  const { method, params } = decodeRequest(text(frame));
  if (!Object.hasOwn(SCHEMAS, method)) return;
  const { params: schema } = SCHEMAS[method as keyof typeof SCHEMAS];
  const first = schema.safeParse(params);
  if (!first.success) assert.ok(first.error.issues.length > 0);
}

function readIntent(frame: Buffer): void {
  const parsed = intentSchema.safeParse(parseJson(text(frame)));
  if (!parsed.success) return;
  const again = intentSchema.parse(toWire(parsed.data));
  assert.equal(fingerprint(again), fingerprint(parsed.data));
  recordedClaims(again.claims);
}

function readAmount(frame: Buffer): void {
  const units = parseUnits(text(frame), 6);
  assert.ok(units >= 0n);
  assert.equal(parseUnits(formatUnits(units, 6), 6), units);
}

function readNetwork(frame: Buffer): void {
  const network = networkOf(text(frame));
  if (network === undefined) return;
  assert.ok(isCaip2(network));
  assert.equal(networkOf(nameOf(network)), network);
  const chain = evmChainId(network);
  assert.ok(chain === undefined || network === `eip155:${chain}`);
}

function readAddress(frame: Buffer): void {
  const bytes = parseAddress(text(frame));
  const checked = evmAddress(text(frame));
  if (bytes === undefined) return;
  assert.equal(bytes.length, 20);
  assert.equal(toAddress(bytes).toLowerCase(), text(frame).toLowerCase());
  assert.ok(checked === undefined || checked.toLowerCase() === text(frame).toLowerCase());
}

function readDomain(frame: Buffer): void {
  siteOf(text(frame));
  const canonical = canonicalDomain(text(frame));
  if (canonical !== undefined) assert.equal(canonicalDomain(canonical), canonical);
}

function readHeader(frame: Buffer): void {
  intents(readTerms({ header: frame.toString("latin1") }));
}

function readBody(frame: Buffer): void {
  intents(readTerms({ body: text(frame) }));
}

function intents(terms: ReturnType<typeof readTerms>): void {
  for (const item of terms?.accepts ?? []) {
    const made = toIntent(item, "intent-000000000001", {});
    assert.ok(made.amount >= 0n);
  }
}

function settlement(frame: Buffer): void {
  readSettlement({ get: () => frame.toString("latin1") });
}

function authorization(): Buffer {
  return Buffer.from(
    encodeAuthorization(PINNED_ASSETS[1]!, {
      from: Buffer.alloc(20, 1),
      to: Buffer.alloc(20, 2),
      value: 10_000n,
      validAfter: 0n,
      validBefore: 1_800_000_000n,
      nonce: Buffer.alloc(32, 3),
    }),
  );
}

/** Closed world: what is read as an authorization is exactly what would be drafted for it. */
function readAuthorization(frame: Buffer): void {
  const asset = PINNED_ASSETS[1]!;
  const outflow = evmRail.decode(frame, asset, "");
  const read = decodeAuthorization(frame);
  if ("refused" in outflow || !read) return;
  assert.ok(frame.equals(encodeAuthorization(asset, read)));
}

function readRow(frame: Buffer): void {
  const body = text(frame);
  try {
    readReserved(body);
    additionsOf(body);
  } catch (error) {
    throw asDamage(error);
  }
  new Chain(HEAD.ledger).add({ seq: 1, body, hash: rowHash(body, body) });
}

function attestation(): Buffer {
  const signed = attestationText("x402-receipt", "k".repeat(43), { seq: 7, hash: "ab" });
  return Buffer.from(`${signed}.${Buffer.alloc(64, 5).toString("base64url")}`);
}

function readJws(frame: Buffer): void {
  const { payload, signed } = readAttestation(text(frame));
  assert.ok(text(frame).startsWith(`${signed}.`));
  assert.equal(Buffer.from(signed.split(".")[1] ?? "", "base64url").toString(), canonicalJson(payload));
}

function readPolicy(frame: Buffer): void {
  const document = parseDocument(parseJson(text(frame)));
  const { hash } = compileHousehold(document);
  assert.equal(compileHousehold(parseDocument(parseJson(canonicalJson(document)))).hash, hash);
}

function readSession(frame: Buffer): void {
  compileSession(parseJson(text(frame)), "UTC");
}

function readHead(frame: Buffer): void {
  headSchema.safeParse(parseJson(text(frame), "head"));
}

/** There is one encoding of a vault. */
function readVault(frame: Buffer): void {
  const { file, mac } = decodeVault(frame);
  assert.ok(frame.equals(encodeVault(file, () => mac)));
}

function readChecked(frame: Buffer): void {
  if (frame.length < 32) return;
  const body = frame.subarray(0, -32);
  readVault(Buffer.concat([body, createHash("sha256").update(body).digest()]));
}

function readSigning(frame: Buffer): void {
  const part = signing.decode(frame);
  signing.encode(part).use((bytes) => {
    assert.ok(frame.equals(bytes));
  });
  signing.wipe(part);
}

function recoveryPart(): Buffer {
  const imports = [{ rail: "evm", key: Secret.take(Buffer.alloc(32, 8)) }];
  const part = { entropy: Secret.take(Buffer.alloc(16, 7)), imports };
  return recovery.encode(part).use((bytes) => Buffer.from(bytes));
}

function readRecovery(frame: Buffer): void {
  const part = recovery.decode(frame);
  recovery.encode(part).use((bytes) => {
    assert.ok(frame.equals(bytes));
  });
  recovery.wipe(part);
}

function readHandoff(frame: Buffer): void {
  const message = parseJson(text(frame));
  if (message === null || typeof message !== "object" || Array.isArray(message)) return;
  const params = OPERATOR_METHODS["vault.unlock"].params.safeParse({ ...message, scope: {} });
  if (!params.success) return;
  const offer = createOffer();
  offer.open(params.data);
}
