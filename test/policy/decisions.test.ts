// The decision table: every rule from both sides and at its edges, and the one reason that is named.
import { describe, expect, it } from "vitest";
import { CODES, type Code, entryOf } from "../../protocol/errors.ts";
import { BUDGETS } from "./decisions/budgets.ts";
import { type Case, decide } from "./decisions/case.ts";
import { CLAIMS } from "./decisions/claims.ts";
import { LIMITS } from "./decisions/limits.ts";
import { LISTS } from "./decisions/lists.ts";
import { NAMED } from "./decisions/named.ts";
import { PRICES } from "./decisions/prices.ts";
import { SCOPES } from "./decisions/scopes.ts";
import { TIMES } from "./decisions/time.ts";

const TABLE: readonly Case[] = [
  ...LISTS,
  ...CLAIMS,
  ...LIMITS,
  ...BUDGETS,
  ...TIMES,
  ...PRICES,
  ...SCOPES,
  ...NAMED,
];

describe("the decision", () => {
  it.each(TABLE)("$name", (one) => {
    const { outcome, bound } = decide(one);
    const { expect: expected } = one;
    if (expected === "allow") {
      expect(bound).toBeUndefined();
      expect(outcome).toBe("allow");
      return;
    }
    expect(outcome).toBe("decline");
    if (typeof expected === "string") expect(bound?.code).toBe(expected);
    else {
      const reopensAt = bound?.reopensAt === undefined ? undefined : new Date(bound.reopensAt).toISOString();
      expect([bound?.code, reopensAt]).toEqual(expected);
    }
  });
});

/** Of the terms, the rails and the wallet: there is no draft, so there is nothing that rules could decide on. */
const NOT_BY_RULES: readonly Code[] = [
  "ASSET_UNKNOWN",
  "SCHEME_NOT_SUPPORTED",
  "TRANSFER_METHOD_NOT_SUPPORTED",
  "NETWORK_NOT_SUPPORTED",
  "INVALID_PAYEE",
  "SELF_PAYMENT",
  "AMOUNT_TOO_LARGE",
  "CONTEXT_INVALID",
  "FEE_PAYER_INVALID",
  "MEMO_INVALID",
  "FUNDS_INSUFFICIENT",
  "INPUTS_LOCKED",
  "TRANSACTION_TOO_LARGE",
  "NO_ACCOUNT",
  // Of what waits for a person: approve.test.ts, and the signer's own tests.
  "TOO_MANY_HOLDS",
  "APPROVAL_DENIED",
  "APPROVAL_EXPIRED",
  "APPROVAL_EXCEEDED",
];

describe("the table", () => {
  const codes = TABLE.map(({ expect }) => (typeof expect === "string" ? expect : expect[0]));

  it("has at least 150 cases, each with a name of its own", () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(150);
    expect(new Set(TABLE.map(({ name }) => name)).size).toBe(TABLE.length);
  });

  it("has a case for every code that the rules decline with", () => {
    const declines = (Object.keys(CODES) as Code[]).filter((code) => entryOf(code).kind === "decline");
    const byRules = declines.filter((code) => !NOT_BY_RULES.includes(code));
    // A scope that is over or frozen has an error's code, because nothing else may be asked of it either.
    for (const code of [...byRules, "SIGNER_FROZEN", "SIGNER_LOCKED", "SESSION_UNKNOWN"])
      expect(codes, code).toContain(code);
    for (const code of NOT_BY_RULES) expect(codes, code).not.toContain(code);
  });

  it("waits for nothing that is not retryable", () => {
    for (const { name, expect: expected } of TABLE) {
      if (typeof expected === "string" || expected[1] === undefined) continue;
      expect(entryOf(expected[0]).retryable, name).toBe(true);
    }
  });
});
