// The credential of an unattended unlock: one encoding, and nothing but that one is read.
import fc from "fast-check";
import { expect, it } from "vitest";
import { MAX_CREDENTIAL_BYTES, decodeCredential, encodeCredential } from "../../vault/credential.ts";
import { KEY_BYTES } from "../../vault/keys.ts";
import { Secret } from "../../vault/secret.ts";

const limit = fc.option(fc.bigInt(1n, 10n ** 15n), { nil: undefined });
const credentials = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("hex")),
  spend: limit,
  count: limit,
  key: fc.uint8Array({ minLength: KEY_BYTES, maxLength: KEY_BYTES }),
  sealed: fc.uint8Array({ minLength: 0, maxLength: 5000 }),
});

type Sample = typeof credentials extends fc.Arbitrary<infer T> ? T : never;

function encoded({ id, spend, count, key, sealed }: Sample): Buffer {
  const limits = { ...(spend !== undefined && { spend }), ...(count !== undefined && { count }) };
  using bytes = encodeCredential({ id, ...limits, key: Secret.take(Uint8Array.from(key)), sealed });
  return bytes.use((all) => Buffer.from(all));
}

const codeOf = (bytes: Uint8Array): string => {
  try {
    decodeCredential(bytes);
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

it("comes back as it was, and in one way", () => {
  fc.assert(
    fc.property(credentials, (credential) => {
      const bytes = encoded(credential);
      const { key, ...rest } = decodeCredential(bytes);
      const { key: expected, ...others } = credential;
      expect(key.use((k) => Buffer.from(k)).equals(expected)).toBe(true);
      expect({ ...rest, sealed: [...rest.sealed] }).toEqual({
        ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)),
        sealed: [...others.sealed],
      });
      expect(bytes.length).toBeLessThanOrEqual(MAX_CREDENTIAL_BYTES);
    }),
  );
});

it("is damaged when it is cut short, has more behind it, or begins as something else", () => {
  const [sample] = fc.sample(credentials, 1);
  const bytes = encoded(sample!);
  for (let length = 0; length < bytes.length; length++)
    expect(codeOf(bytes.subarray(0, length))).toBe("VAULT_DAMAGED");
  expect(codeOf(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe("VAULT_DAMAGED");
  for (let at = 0; at < 14; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1;
    expect(codeOf(flipped)).toBe("VAULT_DAMAGED");
  }
});
