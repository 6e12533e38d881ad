// The codecs of the two parts: one encoding per value, and every other byte string is refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as recovery from "../../vault/recovery.ts";
import { Secret } from "../../vault/secret.ts";
import * as signing from "../../vault/signing.ts";
import { codeOf } from "./code.ts";

const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
const secret = (min: number, max = min) => bytes(min, max).map((b) => Secret.take(b));
const hex = (min: number, max = min) => bytes(min, max).map((b) => Buffer.from(b).toString("hex"));

const account = fc.record({
  rail: fc.constantFrom("evm", "solana", "cardano"),
  address: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,128}$/),
  key: secret(1, 128),
  retired: fc.boolean(),
});

const signingPart = fc.record(
  {
    vaultId: hex(16),
    generation: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    ledgerId: hex(1, 64),
    accounts: fc.uniqueArray(account, { maxLength: 5, selector: (a) => `${a.rail} ${a.address}` }),
    nonceKey: secret(32),
    auditKey: secret(32),
  },
  { requiredKeys: ["vaultId", "generation", "accounts", "nonceKey", "auditKey"] },
);

const recoveryPart = fc.record(
  {
    entropy: fc.constantFrom(16, 20, 24, 28, 32).chain((length) => secret(length)),
    imports: fc.array(fc.record({ rail: fc.constant("evm"), key: secret(1, 64) }), { maxLength: 5 }),
  },
  { requiredKeys: ["imports"] },
);

/** Secrets as hex, so that values can be compared. */
const shown = (value: unknown): unknown => {
  if (value instanceof Secret) return value.use((b) => Buffer.from(b).toString("hex"));
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shown(v)]));
};

describe("the signing part", () => {
  it("comes back as it went in", () => {
    fc.assert(
      fc.property(signingPart, (part) => {
        expect(shown(signing.encode(part as signing.SigningPart).use(signing.decode))).toEqual(shown(part));
      }),
    );
  });

  it("has one encoding: what decodes, encodes to the same bytes", () => {
    fc.assert(
      fc.property(signingPart, fc.nat(), fc.integer({ min: 1, max: 255 }), (part, at, flip) => {
        const encoded = signing.encode(part as signing.SigningPart).use((b) => Uint8Array.from(b));
        encoded[at % encoded.length]! ^= flip;
        let decoded: signing.SigningPart;
        try {
          decoded = signing.decode(encoded);
        } catch {
          return;
        }
        expect(signing.encode(decoded).use((b) => Uint8Array.from(b))).toEqual(encoded);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when cut short or followed by anything", async () => {
    const [part] = fc.sample(signingPart, { numRuns: 1, seed: 7 });
    const encoded = signing.encode(part as signing.SigningPart).use((b) => Uint8Array.from(b));
    for (let end = 0; end < encoded.length; end++) {
      expect(await codeOf(() => signing.decode(encoded.subarray(0, end)))).toBe("VAULT_DAMAGED");
    }
    expect(await codeOf(() => signing.decode(Buffer.concat([encoded, Buffer.alloc(1)])))).toBe(
      "VAULT_DAMAGED",
    );
  });

  it("names no account twice", async () => {
    const twin = () => ({ rail: "evm", address: "0xabc", key: Secret.random(32), retired: false });
    const part = {
      vaultId: "00".repeat(16),
      generation: 1,
      accounts: [twin(), twin()],
      nonceKey: Secret.random(32),
      auditKey: Secret.random(32),
    };
    expect(await codeOf(() => signing.encode(part).use(signing.decode))).toBe("VAULT_DAMAGED");
  });

  it("is wiped as a whole", () => {
    const part = fc.sample(signingPart, { numRuns: 1, seed: 7 })[0] as signing.SigningPart;
    signing.wipe(part);
    expect([part.nonceKey, part.auditKey, ...part.accounts.map((a) => a.key)].every((s) => s.wiped)).toBe(
      true,
    );
  });
});

describe("the recovery part", () => {
  it("comes back as it went in", () => {
    fc.assert(
      fc.property(recoveryPart, (part) => {
        expect(shown(recovery.encode(part as recovery.RecoveryPart).use(recovery.decode))).toEqual(
          shown(part),
        );
      }),
    );
  });

  it("has one encoding, and bytes at random are none", () => {
    fc.assert(
      fc.property(bytes(0, 120), (random) => {
        let decoded: recovery.RecoveryPart;
        try {
          decoded = recovery.decode(random);
        } catch {
          return;
        }
        expect(recovery.encode(decoded).use((b) => Uint8Array.from(b))).toEqual(random);
      }),
    );
  });
});
