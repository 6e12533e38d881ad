import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createOffer, sealFor } from "../../vault/handoff.ts";
import { label } from "../../vault/keys.ts";
import { seal } from "../../vault/seal.ts";
import { Secret } from "../../vault/secret.ts";
import { codeOf } from "./code.ts";

const PART = Buffer.from("the signing part");
const key = Secret.random(32);
const sealed = seal(key, PART, label("signing"));

describe("the hand-off", () => {
  it("carries the signing part to the signer that made the offer, once", async () => {
    const offer = createOffer();
    const message = sealFor(offer.publicKey, key, sealed);
    expect(Buffer.from(offer.open(message))).toEqual(PART);
    expect(await codeOf(() => offer.open(message))).toBe("INVALID_REQUEST");
  });

  it("shows no key and no part on the way, and never twice the same", () => {
    const offer = createOffer();
    const [one, two] = [sealFor(offer.publicKey, key, sealed), sealFor(offer.publicKey, key, sealed)];
    const secret = key.use((bytes) => Buffer.from(bytes));
    for (const field of [one.ephemeral, one.box, one.sealed]) {
      const bytes = Buffer.from(field, "base64url");
      expect(bytes.includes(secret)).toBe(false);
      expect(bytes.includes(PART)).toBe(false);
    }
    expect(one.ephemeral).not.toBe(two.ephemeral);
    expect(one.box).not.toBe(two.box);
  });

  it("gives a failed try no second one", async () => {
    const offer = createOffer();
    const message = sealFor(offer.publicKey, key, sealed);
    expect(await codeOf(() => offer.open({ ...message, box: "AAAA" }))).toBe("INVALID_REQUEST");
    expect(await codeOf(() => offer.open(message))).toBe("INVALID_REQUEST");
  });

  it("cannot be opened by another offer, nor after it was dropped", async () => {
    const [mine, other] = [createOffer(), createOffer()];
    const message = sealFor(mine.publicKey, key, sealed);
    expect(await codeOf(() => other.open(message))).toBe("INVALID_REQUEST");
    mine.drop();
    expect(await codeOf(() => mine.open(message))).toBe("INVALID_REQUEST");
  });

  it.each([
    ["an ephemeral key of small order", { ephemeral: Buffer.alloc(32).toString("base64url") }],
    ["a short ephemeral key", { ephemeral: Buffer.alloc(31, 9).toString("base64url") }],
    ["another ephemeral key", { ephemeral: randomBytes(32).toString("base64url") }],
    ["padding", { box: "AAAA==" }],
    ["another alphabet", { sealed: "+/+/" }],
    [
      "a swapped part",
      { sealed: Buffer.from(seal(Secret.random(32), PART, label("signing"))).toString("base64url") },
    ],
    ["a recovery part", { sealed: Buffer.from(seal(key, PART, label("recovery"))).toString("base64url") }],
    ["nothing", { ephemeral: "", box: "", sealed: "" }],
  ])("refuses %s", async (_, change) => {
    const offer = createOffer();
    const message = { ...sealFor(offer.publicKey, key, sealed), ...change };
    expect(await codeOf(() => offer.open(message))).toBe("INVALID_REQUEST");
  });

  it("seals for no key that gives everyone the same secret", async () => {
    const smallOrder = [Buffer.alloc(32), Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])];
    for (const point of smallOrder) {
      expect(await codeOf(() => sealFor(point.toString("base64url"), key, sealed))).toBe("INVALID_REQUEST");
    }
  });
});
