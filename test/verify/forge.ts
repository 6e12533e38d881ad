// A dishonest signer: it changes the record as it likes, chains and counts it anew, and signs it with its own key. What
// the verifier finds then, it finds in the rows alone.
import { createHash, createPrivateKey, sign } from "node:crypto";
import { Counters } from "../../verify/counters.ts";
import type { End, Header, Row } from "../../verify/export-file.ts";
import { keyIdOf } from "../../verify/jws.ts";
import { Standing } from "../../verify/standing.ts";
import { type Json, type JsonObject, canonical } from "../../verify/text.ts";
import { isOver } from "../../verify/windows.ts";
import type { Life } from "./life.ts";

export type Body = Record<string, unknown>;

export interface Parsed {
  readonly header: Header;
  readonly rows: readonly Row[];
  readonly end: End;
}

export function parse(text: string): Parsed {
  const [header, ...lines] = text.trimEnd().split("\n");
  return {
    header: JSON.parse(header!) as Header,
    rows: lines.slice(0, -1).map((line) => JSON.parse(line) as Row),
    end: JSON.parse(lines.at(-1)!) as End,
  };
}

export const print = ({ header, rows, end }: Parsed): string =>
  [header, ...rows, end].map((value) => `${JSON.stringify(value)}\n`).join("");

export const bodiesOf = (text: string): Body[] =>
  parse(text).rows.map(({ body }) => JSON.parse(body) as Body);

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Signs like the signer does, with any seed. */
export function jws(seed: Uint8Array, key: string, typ: string, payload: object): string {
  const text = [{ alg: "EdDSA", kid: keyIdOf(key), typ }, payload]
    .map((part) => Buffer.from(canonical(part as Json)).toString("base64url"))
    .join(".");
  const secret = createPrivateKey({
    key: Buffer.from(seed),
    format: "raw-private",
    asymmetricKeyType: "ed25519",
  });
  return `${text}.${sign(null, Buffer.from(text), secret).toString("base64url")}`;
}

export interface Forging {
  /** Without it signatures stay as they are. */
  readonly seed?: Uint8Array;
  /** Leaves `used` of rows as it is. */
  readonly keepUsed?: boolean;
}

/** The export of `life` with these rows in place of its own. */
export function forge(
  life: Life,
  bodies: readonly Body[],
  { seed = life.seed, keepUsed = false }: Forging = {},
): string {
  const { header } = parse(life.text);
  const { ledger } = header;
  const counters = new Counters();
  const standing = new Standing(ledger);
  const rows: Row[] = [];
  let hash = sha256(`x402/ledger/1 ${ledger}`);
  for (const original of bodies) {
    const body = { ...original };
    const seq = (rows.at(-1)?.seq ?? 0) + 1;
    lenient(() => {
      standing.apply(seq, body as JsonObject);
    });
    lenient(() => {
      const used = body["add"] && usedOf(counters, body["add"] as never, seq);
      if (used && !keepUsed) body["used"] = used;
    });
    if (body["kind"] === "checkpoint") {
      const at = body["at"] as number;
      counters.forget((key, bucket) => isOver(key, bucket, at) || standing.hasEnded(key, bucket));
      body["counters"] = counters.hash();
      const payload = { ledger, seq, previous: hash, counters: body["counters"] as string, at };
      if (body["sig"]) body["sig"] = jws(seed, life.key, "x402-checkpoint", payload);
    }
    const text = JSON.stringify(body);
    hash = sha256(hash + text);
    rows.push({ seq, hash, body: text });
  }
  const head = { ledger, seq: rows.length, hash };
  const all = listOf(counters);
  const seal = jws(seed, life.key, "x402-seal", { ...head, counters: counters.hash(), at: standing.at });
  return print({ header, rows, end: { head, counters: all, seal } });
}

function usedOf(counters: Counters, add: readonly [string, number, string][], seq: number): string[] {
  return add.map((addition) => {
    counters.add({ add: [addition] }, seq, false);
    return counters.amount(addition[0], addition[1]).toString();
  });
}

function listOf(counters: Counters): [string, number, string][] {
  return [...counters.entries()].map(([key, bucket, amount]) => [key, bucket, amount.toString()]);
}

/** The forger goes on where an honest program would stop. */
function lenient(fn: () => void): void {
  try {
    fn();
  } catch {
    // That is what the verifier is to find.
  }
}

/** A payment like `model`, with an id and a nonce of its own; `changed` is laid over it, and its draft follows. */
export function another(model: Body, id: string, changed: Body = {}): Body {
  const body: Body = {
    ...model,
    kind: "payment.reserved",
    id: id.padEnd(16, "-"),
    fingerprint: sha256(id),
    ...changed,
  };
  delete body["booked"];
  if (!("draft" in changed)) body["draft"] = redrawn(body, id);
  return body;
}

/** The draft of a row, saying what the row says. */
export function redrawn(body: Body, nonce: string): string {
  const draft = Buffer.from(body["draft"] as string, "base64");
  const word = (index: number, hex: string): void => {
    draft.set(Buffer.from(hex.padStart(64, "0"), "hex"), index * 32);
  };
  word(2, (body["from"] as string).slice(2));
  word(3, (body["payTo"] as string).slice(2));
  word(4, BigInt(body["amount"] as string).toString(16));
  word(6, BigInt(body["expires"] as number).toString(16));
  word(7, sha256(nonce));
  return draft.toString("base64");
}
