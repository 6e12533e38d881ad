import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../vault/secret.ts";

const HIDDEN = "hunter2-hunter2";
const make = () => Secret.take(Buffer.from(HIDDEN));

describe("a secret", () => {
  it("is never printed, however one tries", () => {
    const secret = make();
    const nested = { deep: [{ secret }], map: new Map([["k", secret]]) };
    const ways = [
      String(secret),
      `a ${secret as unknown as string} b`,
      JSON.stringify({ secret }),
      JSON.stringify(secret),
      inspect(secret),
      inspect(nested, { depth: 9, showHidden: true, getters: true }),
      inspect(secret, { customInspect: false, showHidden: true }),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(structuredClone(secret)),
      new Error("with cause", { cause: secret }).stack ?? "",
      inspect(new Error("with cause", { cause: secret })),
    ];
    for (const way of ways) {
      expect(way).not.toContain(HIDDEN);
      expect(way).not.toContain([...Buffer.from(HIDDEN)].slice(0, 4).join(", "));
      expect(way).not.toContain(Buffer.from(HIDDEN).toString("hex").slice(0, 8));
    }
    expect(String(secret)).toBe("[secret]");
  });

  it("lends its bytes, zeroes them, and is of no use afterwards", () => {
    const bytes = Buffer.from(HIDDEN);
    const secret = Secret.take(bytes);
    expect(secret.use((lent) => lent.length)).toBe(HIDDEN.length);
    secret.wipe();
    expect(secret.wiped).toBe(true);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(() => secret.use((lent) => lent.length)).toThrow("wiped");
    expect(() => secret.length).toThrow("wiped");
    expect(() => secret.copy()).toThrow("wiped");
    secret.wipe();
  });

  it("is wiped at the end of its block", () => {
    const bytes = Buffer.from(HIDDEN);
    {
      using secret = Secret.take(bytes);
      expect(secret.wiped).toBe(false);
    }
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("compares by content, and copies into bytes of its own", () => {
    const secret = make();
    const copy = secret.copy();
    expect(secret.equals(copy)).toBe(true);
    secret.wipe();
    expect(copy.use((bytes) => Buffer.from(bytes).toString())).toBe(HIDDEN);
    expect(copy.equals(Secret.take(Buffer.from("hunter2")))).toBe(false);
    expect(copy.equals(Secret.take(Buffer.from("hunter2-hunter3")))).toBe(false);
  });
});
