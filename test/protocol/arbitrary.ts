// What property tests draw from.
import fc from "fast-check";
import type { Json } from "../../protocol/json.ts";
import type { WireIntent } from "../../protocol/intent.ts";

const chars = (alphabet: string) => fc.constantFrom(...Array.from(alphabet));
export const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString("hex"));

// Without a backslash and without __proto__, which the strict reader refuses.
const keys = fc.oneof(
  fc
    .string({ unit: "binary" })
    .map((key) => key.replaceAll("\\", ""))
    .filter((key) => key !== "__proto__"),
  fc.constantFrom("constructor", "toString", "", ":", '"', "a", "b", "{", "1", "10"),
);

/** Any JSON value with keys that like to make trouble. Depth at most 5. */
export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(keys, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** A JSON text of the value with white space and escapes as anyone may write them. */
export function loosely(value: Json, pick: (choices: readonly string[]) => string): string {
  const space = () => pick(["", "", " ", "\n", "\t", "\r\n "]);
  const text = (key: string) => (pick(["plain", "escaped"]) === "plain" ? JSON.stringify(key) : escaped(key));
  const write = (v: Json): string => {
    if (typeof v === "string") return text(v);
    if (v === null || typeof v !== "object") return JSON.stringify(v);
    const parts = Array.isArray(v)
      ? v.map(write)
      : Object.keys(v).map((key) => `${text(key)}${space()}:${space()}${write(v[key] as Json)}`);
    const [open, close] = Array.isArray(v) ? "[]" : "{}";
    return `${open}${space()}${parts.join(`${space()},${space()}`)}${space()}${close}`;
  };
  return space() + write(value) + space();
}

const escaped = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`;

export const intentId = fc.string({
  unit: chars("ABCXYZabcxyz0189_-"),
  minLength: 16,
  maxLength: 128,
});
export const address = hex(20).map((digits) => `0x${digits}`);
export const amount = fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }).map(String);

/** Intents as they are on the wire. */
export const intent: fc.Arbitrary<WireIntent> = fc.record(
  {
    id: intentId,
    scheme: fc.constantFrom("exact", "upto"),
    network: fc.constantFrom("eip155:8453", "eip155:84532", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
    asset: address,
    payTo: address,
    amount,
    maxTimeoutSeconds: fc.integer({ min: 1, max: 31_536_000 }),
    extra: fc.record(
      {
        assetTransferMethod: fc.constantFrom("eip3009", "permit2"),
        feePayer: address,
        memo: fc.string({ maxLength: 64, unit: "binary" }),
      },
      { requiredKeys: [] },
    ),
    claims: fc.record(
      {
        url: fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string({ unit: "binary" })),
        method: fc.constantFrom("GET", "POST"),
        category: fc.string({ maxLength: 12, unit: "binary" }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["id", "scheme", "network", "asset", "payTo", "amount", "maxTimeoutSeconds", "claims"] },
);

/** Cuts bytes into chunks at these fractions, which need no order. */
export function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((fraction) => Math.floor(fraction * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}
