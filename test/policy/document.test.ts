import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evmAddress } from "../../policy/address.ts";
import {
  MAX_DOCUMENT_BYTES,
  compileHousehold,
  compileSession,
  parseDocument,
} from "../../policy/document.ts";
import { PRESETS } from "../../policy/presets.ts";
import { PINNED_ASSETS, assetKey } from "../../protocol/assets.ts";
import { X402Error } from "../../protocol/errors.ts";
import { canonicalJson } from "../../protocol/json.ts";
import { getAddress } from "viem";
import { ALICE, USDC } from "./household.ts";

const EURC = {
  network: "base",
  address: "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42",
  symbol: "EURC",
  decimals: 6,
  name: "EURC",
  version: "2",
};

const MINT = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263";
const BONK = { network: "solana", address: MINT, symbol: "BONK", decimals: 5 };
const CARDANO =
  "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x";

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(X402Error);
    expect((error as X402Error).code).toBe("POLICY_INVALID");
    return (error as X402Error).message;
  }
  return "";
}
const refused = (fields: object) => refusal(() => parseDocument({ version: 1, totalMax: "1", ...fields }));

describe("a document", () => {
  it("knows the tokens and the addresses of every rail", () => {
    const fields = {
      allowedNetworks: ["solana-devnet", "cardano-preprod", "cip34:0-2", "base"],
      allowedRecipients: [CARDANO, MINT, ALICE],
      allowedAssets: ["BONK", "ADA", "cardano-preprod/lovelace", `solana/${MINT}`, "tUSDM"],
      assets: [BONK, { ...BONK, network: "cardano-preview", address: `${"ab".repeat(28)}.`, symbol: "MINE" }],
      maxNetworkFee: "0.5",
    };
    const document = parseDocument({ version: 1, totalMax: "1", ...fields });
    expect(document.allowedNetworks).toEqual([
      "cardano:preprod",
      "cardano:preview",
      "eip155:8453",
      "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
    ]);
    expect(document.assets?.[0]).toMatchObject({ address: MINT, tokenProgram: "spl-token" });
    expect(parseDocument(document)).toEqual(document);
    const { policy, registry } = compileHousehold(document);
    expect(policy.maxNetworkFee).toBe(500_000n);
    expect(policy.allowedRecipients).toEqual(new Set([CARDANO, MINT, ALICE.toLowerCase()]));
    expect(registry.get(assetKey("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", MINT))).toMatchObject({
      symbol: "BONK",
      pegged: false,
    });
    expect(compileHousehold(parseDocument({ version: 1, totalMax: "1" })).policy.maxNetworkFee).toBe(
      1_000_000n,
    );
  });

  it("is read into one spelling, which reads as itself", () => {
    const document = parseDocument({
      version: 1,
      timezone: "europe/athens",
      allowedNetworks: ["polygon", "base", "eip155:8453"],
      allowedAssets: ["USDC", `base/${EURC.address.toLowerCase()}`],
      allowedRecipients: [ALICE.toLowerCase()],
      allowedDomains: ["*.EXAMPLE.com", "Bücher.example"],
      perCallMax: "1",
      totalMax: "5.000000",
      budgets: [{ name: "b", limit: "2.5", window: "60m", match: { asset: "EURC", network: "base" } }],
      maxValidity: "600s",
      assets: [EURC],
      agents: { research: { perDayMax: "1.0" } },
    });
    expect(document).toEqual({
      version: 1,
      timezone: "Europe/Athens",
      allowedNetworks: ["eip155:137", "eip155:8453"],
      allowedAssets: ["USDC", `eip155:8453/${EURC.address}`],
      allowedRecipients: [ALICE],
      allowedDomains: ["*.example.com", "xn--bcher-kva.example"],
      perCallMax: "1.00",
      totalMax: "5.00",
      budgets: [{ name: "b", limit: "2.50", window: "1h", match: { asset: "EURC", network: "eip155:8453" } }],
      maxValidity: "10m",
      assets: [{ ...EURC, network: "eip155:8453" }],
      agents: { research: { perDayMax: "1.00" } },
    });
    expect(parseDocument(document)).toEqual(document);
  });

  it("has one hash whatever the order and spelling, another for another rule", () => {
    const hash = (fields: object) => compileHousehold(parseDocument(fields)).hash;
    const one = { version: 1, totalMax: "5", allowedNetworks: ["base", "polygon"] };
    const two = { allowedNetworks: ["eip155:137", "eip155:8453"], totalMax: "5.00", version: 1 };
    expect(hash(one)).toBe(hash(two));
    expect(hash(one)).toBe(
      createHash("sha256")
        .update(canonicalJson(parseDocument(two)))
        .digest("hex"),
    );
    expect(hash({ ...one, totalMax: "5.01" })).not.toBe(hash(one));
    expect(hash({ ...one, allowedAssets: [] })).not.toBe(hash(one));
  });

  it.each<[string, object]>([
    ["schedule: must be a list", { schedule: { allow: "all" } }],
    ["agents.a.schedule[0]: ", { agents: { a: { schedule: ["08:00-20:00"] } } }],
    ["allowedCategories[0]: must be a category", { allowedCategories: ["Data Feeds"] }],
    ["blockedCategories[1]: must be a category", { blockedCategories: ["data", ""] }],
    ["agents.a.gid: not known", { agents: { a: { gid: 1 } } }],
    ["agents.a.uid: must be a user", { agents: { a: { uid: "1000" } } }],
    ["agents.a.uid", { agents: { a: { uid: -1 } } }],
    ["agents.a.uid", { agents: { a: { uid: 0xffff_ffff } } }],
    ["depeg.max: must be USD", { depeg: { max: 0.01, maxAge: "5m" } }],
    ["depeg.max: must be less than 1.00", { depeg: { max: "1", maxAge: "5m" } }],
    ["depeg.maxAge: must be a duration", { depeg: { max: "0.01", maxAge: "9s" } }],
    ["depeg.maxAge: must be a duration", { depeg: { max: "0.01", maxAge: "31d" } }],
    ["depeg.maxAge: must be", { depeg: { max: "0.01" } }],
    ["depeg.min: not known", { depeg: { max: "0.01", maxAge: "5m", min: "0" } }],
    ["agents.a.depeg: not known", { agents: { a: { depeg: { max: "0.01", maxAge: "5m" } } } }],
    ["expires: not known", { expires: "2027-01-01" }],
    ["agents.a.expires: must be a date", { agents: { a: { expires: "2027-02-29" } } }],
    ["agents.a.expires: must be a date", { agents: { a: { expires: "2027-1-1" } } }],
    ["agents.a.expires: must be a date", { agents: { a: { expires: "2027-01-01T10:00:00" } } }],
    ["agents.a.expires: must be a date", { agents: { a: { expires: "2027-01-01T25:00:00Z" } } }],
    ["agents.a.expires: must be a date", { agents: { a: { expires: "tomorrow" } } }],
    ["agents.a.timezone: not known", { agents: { a: { timezone: "UTC" } } }],
    ["budgets[0].limt: not known", { budgets: [{ name: "b", limt: "1", window: "day" }] }],
    ["version: must be 1", { version: 2 }],
    ["totalMax: must be USD as a decimal", { totalMax: 5 }],
    ["totalMax: must be USD", { totalMax: "-1" }],
    ["totalMax: must be USD", { totalMax: "1e3" }],
    ["totalMax: must be USD", { totalMax: "0.0000001" }],
    ["totalMax: must be USD", { totalMax: "01" }],
    ["totalMax: must be USD", { totalMax: "1000000000.01" }],
    ["totalMax: must be USD", { totalMax: null }],
    ["timezone: must be", { timezone: "Mars/Olympus" }],
    ["allowedNetworks: must be a list", { allowedNetworks: "base" }],
    ["allowedNetworks[1]: must be a network", { allowedNetworks: ["base", "Base"] }],
    ["allowedAssets: USDX is neither", { allowedAssets: ["USDX"] }],
    ["allowedAssets: eip155:1/", { allowedAssets: [`eip155:1/${USDC.address}`] }],
    ["allowedAssets[0]: must be a symbol", { allowedAssets: ["base/0x12"] }],
    ["agents.a.allowedAssets: USDX", { agents: { a: { allowedAssets: ["USDX"] } } }],
    [
      "budgets[0].match.asset: USDX",
      { budgets: [{ name: "b", limit: "1", window: "day", match: { asset: "USDX" } }] },
    ],
    ["allowedRecipients[0]: must be an address", { allowedRecipients: [ALICE.replace("E7", "e7")] }],
    ["allowedRecipients[0]: must be an address", { allowedRecipients: ["vitalik.eth"] }],
    ["blockedDomains[0]: must be a host", { blockedDomains: ["https://a.example/"] }],
    ["budgets[0]: must have one of limit and count", { budgets: [{ name: "b", window: "day" }] }],
    [
      "budgets[0]: must have one of limit and count",
      { budgets: [{ name: "b", limit: "1", count: 1, window: "day" }] },
    ],
    ["budgets[0].count: must be a whole number", { budgets: [{ name: "b", count: 1.5, window: "day" }] }],
    ["budgets[0].window: must be", { budgets: [{ name: "b", count: 1, window: "90s" }] }],
    ["budgets[0].per: must be one of", { budgets: [{ name: "b", count: 1, window: "day", per: "agent" }] }],
    [
      "budgets[0].match: must name something",
      { budgets: [{ name: "b", count: 1, window: "day", match: {} }] },
    ],
    ["budgets[0].name: must be printable", { budgets: [{ name: "a\u001b[2Jb", count: 1, window: "day" }] }],
    [
      "budgets: must have different names",
      { budgets: Array(2).fill({ name: "b", count: 1, window: "day" }) },
    ],
    ["maxValidity: must be", { maxValidity: "1s" }],
    ["maxValidity: must be", { maxValidity: "2d" }],
    ["assets[0].address: is pinned already", { assets: [{ ...EURC, address: USDC.address }] }],
    ["assets[0].address: is pinned already", { assets: [{ ...EURC, address: USDC.address.toLowerCase() }] }],
    ["assets[1].address: is listed twice", { assets: [EURC, { ...EURC, symbol: "X" }] }],
    ["assets[0].network: must be a network of", { assets: [{ ...EURC, network: "bip122:x" }] }],
    ["assets[0].address: must be a mint", { assets: [{ ...EURC, network: "solana" }] }],
    ["assets[0].name: is for EVM", { assets: [{ ...EURC, network: "solana", address: MINT }] }],
    ["assets[0].name: must be as in", { assets: [{ ...EURC, name: undefined }] }],
    ["assets[0].tokenProgram: must be", { assets: [{ ...BONK, tokenProgram: "spl" }] }],
    ["assets[0].tokenProgram: is for Solana", { assets: [{ ...EURC, tokenProgram: "spl-token" }] }],
    ["assets[0].address: must be policy id", { assets: [{ ...BONK, network: "cardano" }] }],
    [
      "assets[0].address: is pinned already",
      { assets: [{ ...BONK, network: "cardano", address: "lovelace" }] },
    ],
    ["maxNetworkFee: must be USD", { maxNetworkFee: 1 }],
    ["allowedRecipients[0]: must be an address", { allowedRecipients: [`${CARDANO.slice(0, -1)}q`] }],
    ["allowedRecipients[0]: must be an address", { allowedRecipients: [CARDANO.toUpperCase()] }],
    ["assets[0].pegged", { assets: [{ ...EURC, pegged: false }] }],
    ['agents."A b": must be a name', { agents: { "A b": {} } }],
  ])("is refused with the path of what is wrong: %s", (said, fields) => {
    expect(refused(fields)).toContain(said);
  });

  it("is refused without a USD budget that binds without claims", () => {
    const document = (fields: object) => refusal(() => parseDocument({ version: 1, ...fields }));
    const budget = (fields: object) => ({ budgets: [{ name: "b", window: "day", ...fields }] });
    for (const fields of [
      {},
      { perCallMax: "1" },
      { perSessionMax: "1" },
      budget({ count: 5 }),
      budget({ limit: "1", window: "session" }),
      budget({ limit: "1", per: "domain" }),
      budget({ limit: "1", per: "resource" }),
      budget({ limit: "1", per: "category" }),
      budget({ limit: "1", match: { domain: "a.example" } }),
      budget({ limit: "1", match: { category: "data" } }),
      { agents: { a: { totalMax: "1" } } },
    ]) {
      expect(document(fields), JSON.stringify(fields)).toContain(
        "needs a USD limit that binds without claims",
      );
    }
    for (const fields of [
      { perDayMax: "1" },
      { perWeekMax: "1" },
      { perMonthMax: "1" },
      { totalMax: "0" },
      budget({ limit: "1" }),
      budget({ limit: "1", window: "7d", match: { asset: "USDC" } }),
    ]) {
      expect(document(fields), JSON.stringify(fields)).toBe("");
    }
  });

  it("is bounded, and no key hides in it", () => {
    const budgets = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ name: `b${i}`, count: 1, window: "day" }));
    expect(refused({ budgets: budgets(64) })).toBe("");
    expect(refused({ budgets: budgets(65) })).toContain("budgets: ");
    const domains = Array.from({ length: 5000 }, (_, i) => `host-${i}.example.com`);
    expect(refused({ allowedDomains: domains })).toContain(`at most ${MAX_DOCUMENT_BYTES} bytes`);
    for (const text of [
      '{"__proto__":{"a":1}}',
      '{"agents":{"__proto__":{}}}',
      '{"agents":{"a":{"__proto__":[]}}}',
    ]) {
      expect(refused(JSON.parse(text) as object) + refused({ agents: JSON.parse(text) as object })).toContain(
        "__proto__",
      );
    }
    for (const value of [null, undefined, 1, "x", [], true])
      expect(refusal(() => parseDocument(value))).not.toBe("");
  });

  it("never shows foreign text as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (key) => {
        const message = refused({ agents: { a: { [key]: 1 } } });
        expect(/^[ -~]*$/.test(message)).toBe(true);
      }),
    );
  });

  it("adds the operator's assets to the registry and keeps the pinned ones", () => {
    const { registry } = compileHousehold(
      parseDocument({
        version: 1,
        totalMax: "1",
        assets: [EURC, { ...EURC, network: "polygon", pegged: true }],
      }),
    );
    expect(registry.get(assetKey("eip155:8453", EURC.address))?.pegged).toBe(false);
    expect(registry.get(assetKey("eip155:137", EURC.address))?.pegged).toBe(true);
    for (const asset of PINNED_ASSETS)
      expect(registry.get(assetKey(asset.network, asset.address))).toEqual(asset);
  });

  it("has defaults for time zone and validity", () => {
    const compiled = compileHousehold(parseDocument({ version: 1, totalMax: "1" }));
    expect(compiled).toMatchObject({ timezone: "UTC", maxValidity: 600 });
    const other = compileHousehold(parseDocument({ version: 1, totalMax: "1", maxValidity: "90s" }));
    expect(other.maxValidity).toBe(90);
  });

  it("ends an agent's permission at the start of a date, or at an instant", () => {
    const expiry = (expires: string, timezone = "Europe/Athens") => {
      const document = parseDocument({
        version: 1,
        timezone,
        totalMax: "1",
        agents: { a: { expires }, b: {} },
      });
      const { expiries } = compileHousehold(document);
      expect(expiries.has("b")).toBe(false);
      return [document.agents?.["a"]?.expires, new Date(expiries.get("a")!).toISOString()];
    };
    expect(expiry("2027-01-01")).toEqual(["2027-01-01", "2026-12-31T22:00:00.000Z"]);
    expect(expiry("2027-07-01")).toEqual(["2027-07-01", "2027-06-30T21:00:00.000Z"]);
    // Midnight is skipped there.
    expect(expiry("2026-04-24", "Africa/Cairo")).toEqual(["2026-04-24", "2026-04-23T22:00:00.000Z"]);
    expect(expiry("2027-01-01T02:00+02:00")).toEqual(["2027-01-01T00:00:00Z", "2027-01-01T00:00:00.000Z"]);
    expect(expiry("2027-01-01T00:00:00.500Z")).toEqual([
      "2027-01-01T00:00:00.5Z",
      "2027-01-01T00:00:00.500Z",
    ]);
  });

  it("comes as presets that are valid and have a total", () => {
    for (const { document } of PRESETS) expect(parseDocument(document).totalMax).toBeDefined();
  });
});

describe("a session's rules", () => {
  it("need no budget, and may not speak of agents, assets, time zone and validity", () => {
    expect(compileSession({}, "UTC").budgets).toEqual([]);
    expect(compileSession({ version: 1, perCallMax: "1" }, "UTC").perCallMax).toBe(1_000_000n);
    for (const fields of [
      { agents: {} },
      { assets: [] },
      { timezone: "UTC" },
      { maxValidity: "10m" },
      { version: 2 },
    ]) {
      expect(
        refusal(() => compileSession(fields, "UTC")),
        JSON.stringify(fields),
      ).not.toBe("");
    }
    const budgets = Array.from({ length: 17 }, (_, i) => ({ name: `b${i}`, count: 1, window: "day" }));
    expect(refusal(() => compileSession({ budgets }, "UTC"))).toContain("at most 16");
    expect(
      refusal(() => compileSession({ allowedDomains: Array(2000).fill("example.com") }, "UTC")),
    ).toContain("16384");
  });
});

describe("addresses", () => {
  it("are spelled as viem spells them, and a wrong checksum is refused", () => {
    const hex = fc.string({
      unit: fc.constantFrom(...Array.from("0123456789abcdef")),
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(hex, fc.nat(39), (digits, at) => {
        const canonical = evmAddress(`0x${digits}`)!;
        expect(canonical).toBe(getAddress(`0x${digits}`));
        expect(evmAddress(canonical)).toBe(canonical);
        const letter = canonical.charAt(at + 2);
        const flipped = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
        const typo = canonical.slice(0, at + 2) + flipped + canonical.slice(at + 3);
        const mixed = /[a-f]/.test(typo) && /[A-F]/.test(typo);
        expect(evmAddress(typo)).toBe(typo !== canonical && mixed ? undefined : canonical);
      }),
    );
  });
});
