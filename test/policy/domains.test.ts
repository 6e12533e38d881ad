import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../policy/evaluate.ts";
import { canonicalDomain, siteOf } from "../../policy/domains.ts";
import { Books, failures, household, payment } from "./household.ts";

const decide = (rules: object, url?: string) =>
  failures(evaluate([household(rules)], payment(url === undefined ? {} : { url }), new Books()));

describe("what a URL claims", () => {
  it.each([
    ["https://API.Example.com/v1?q#f", "api.example.com"],
    ["HTTP://example.com:8080", "example.com"],
    ["https://bücher.example/", "xn--bcher-kva.example"],
    ["https://example\u3002com/", "example.com"],
    ["https://ex%61mple.com/", "example.com"],
    ["https://[2001:DB8::0001]:8443/", "[2001:db8::1]"],
    ["http://0x7f.1/", "127.0.0.1"],
    ["https://example.com?next=https://evil.example/@", "example.com"],
  ])("%s -> %s", (url, domain) => {
    expect(siteOf(url)?.domain).toBe(domain);
  });

  it.each([
    [undefined],
    [""],
    ["example.com"],
    ["//example.com/"],
    ["ftp://example.com/"],
    ["javascript:alert(1)"],
    ["https:/example.com/"],
    ["https:example.com/"],
    ["https:\\\\example.com\\"],
    ["https://user@example.com/"],
    ["https://example.com@evil.example/"],
    ["https://@example.com/"],
    ["https://example.com./"],
    ["https://example.com\u3002/"],
    ["https://exam\tple.com/"],
    [" https://example.com/"],
    [`https://${"a.".repeat(125)}example/`], // 257 characters, DNS has 253
    ["https://example.com\\@evil.example/"],
    ["https://example.com/\\..\\x"],
    ["https://example.com:99999/"],
    ["https://exa mple.com/"],
    ["https:///path"],
    ["https://%00example.com/"],
  ])("%s has no domain", (url) => {
    expect(siteOf(url)).toBeUndefined();
    expect(decide({ allowedDomains: ["example.com", "*.example"] }, url)).toEqual(["DOMAIN_NOT_ALLOWED"]);
    expect(decide({ blockedDomains: ["evil.example"] }, url)).toEqual(["DOMAIN_NOT_ALLOWED"]);
    expect(decide({}, url)).toEqual([]);
  });

  it("reads the host that fetch would go to, whatever the URL", () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        const site = siteOf(url);
        if (site) expect(site.domain).toBe(new URL(url).hostname);
      }),
    );
  });

  it("reads the same host from any text around it that is still a URL", () => {
    const noise = fc.string({ maxLength: 12, unit: "binary" });
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        const url = `https://${before}example.com${after}`;
        const site = siteOf(url);
        if (site) expect(site.domain).toBe(new URL(url).hostname);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("lists", () => {
  const listed = (allowedDomains: string[], host: string) =>
    decide({ allowedDomains }, `https://${host}/`).length === 0;
  const blocked = (blockedDomains: string[], host: string) =>
    decide({ blockedDomains }, `https://${host}/`)[0] === "DOMAIN_BLOCKED";

  it("allows a name itself, and a wildcard itself and any depth below", () => {
    expect(listed(["example.com"], "example.com")).toBe(true);
    expect(listed(["example.com"], "EXAMPLE.com:8443")).toBe(true);
    expect(listed(["example.com"], "api.example.com")).toBe(false);
    for (const host of ["example.com", "api.example.com", "a.b.c.example.com"]) {
      expect(listed(["*.example.com"], host), host).toBe(true);
    }
    for (const host of ["badexample.com", "example.com.evil.example", "example.co", "com"]) {
      expect(listed(["*.example.com"], host), host).toBe(false);
    }
  });

  it("blocks a name with everything below it, with or without the wildcard", () => {
    for (const pattern of ["example.com", "*.example.com"]) {
      expect(blocked([pattern], "example.com")).toBe(true);
      expect(blocked([pattern], "a.b.example.com")).toBe(true);
      expect(blocked([pattern], "badexample.com")).toBe(false);
    }
    expect(blocked(["127.0.0.1"], "0x7f.1")).toBe(true);
    expect(blocked(["[::1]"], "[0:0::1]:80")).toBe(true);
    expect(blocked(["bücher.example"], "shop.xn--bcher-kva.example")).toBe(true);
  });

  it("lets a block list win over an allow list", () => {
    const rules = { allowedDomains: ["*.example.com"], blockedDomains: ["bad.example.com"] };
    expect(decide(rules, "https://good.example.com/")).toEqual([]);
    expect(decide(rules, "https://x.bad.example.com/")).toEqual(["DOMAIN_BLOCKED"]);
  });

  it("spells patterns in one way and refuses what is not a host", () => {
    const spelled = {
      "EXAMPLE.com": "example.com",
      "*.Bücher.example": "*.xn--bcher-kva.example",
      "[0::1]": "[::1]",
    };
    for (const [text, canonical] of Object.entries(spelled)) expect(canonicalDomain(text)).toBe(canonical);
    for (const text of [
      "",
      "*",
      "*.",
      "**.a.example",
      "a.*.example",
      "https://a.example",
      "a.example/",
      "a.example/x",
      "a.example:80",
      "a.example.",
      "u@a.example",
      "a.example?",
      "a.example#",
      " a.example",
      "*.127.0.0.1",
      "*.[::1]",
      "[::1]:80",
      "a\\b",
      "%61.example",
    ]) {
      expect(canonicalDomain(text), text).toBeUndefined();
    }
  });

  it("keeps a canonical pattern as it is", () => {
    fc.assert(
      fc.property(fc.domain(), fc.boolean(), (name, wild) => {
        const canonical = canonicalDomain(wild ? `*.${name}` : name);
        if (canonical !== undefined) expect(canonicalDomain(canonical)).toBe(canonical);
      }),
    );
  });
});
