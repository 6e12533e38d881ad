// What the agent says that it pays for.
import type { Case } from "./case.ts";

const at = (url: string) => ({ url });

export const CLAIMS: readonly Case[] = [
  {
    name: "domain: itself",
    document: { allowedDomains: ["a.example"] },
    payment: at("https://a.example/x"),
    expect: "allow",
  },
  {
    name: "domain: in capitals, with a port",
    document: { allowedDomains: ["a.example"] },
    payment: at("https://A.EXAMPLE:8443/x"),
    expect: "allow",
  },
  {
    name: "domain: below a plain name",
    document: { allowedDomains: ["a.example"] },
    payment: at("https://x.a.example/"),
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: below a wildcard",
    document: { allowedDomains: ["*.a.example"] },
    payment: at("https://x.a.example/"),
    expect: "allow",
  },
  {
    name: "domain: the wildcard's own name",
    document: { allowedDomains: ["*.a.example"] },
    payment: at("https://a.example/"),
    expect: "allow",
  },
  {
    name: "domain: ends like a wildcard's, without a dot",
    document: { allowedDomains: ["*.a.example"] },
    payment: at("https://evil-a.example/"),
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: empty list",
    document: { allowedDomains: [] },
    payment: at("https://a.example/"),
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: no URL is claimed",
    document: { allowedDomains: ["a.example"] },
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: a URL with userinfo has none",
    document: { allowedDomains: ["a.example"] },
    payment: at("https://a.example@b.example/"),
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: blocked",
    document: { blockedDomains: ["b.example"] },
    payment: at("https://b.example/"),
    expect: "DOMAIN_BLOCKED",
  },
  {
    name: "domain: below a blocked one",
    document: { blockedDomains: ["b.example"] },
    payment: at("https://x.b.example/"),
    expect: "DOMAIN_BLOCKED",
  },
  {
    name: "domain: another one is blocked",
    document: { blockedDomains: ["b.example"] },
    payment: at("https://a.example/"),
    expect: "allow",
  },
  {
    name: "domain: no URL beside a block list",
    document: { blockedDomains: ["b.example"] },
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: allowed and blocked",
    document: { allowedDomains: ["*.b.example"], blockedDomains: ["x.b.example"] },
    payment: at("https://x.b.example/"),
    expect: "DOMAIN_BLOCKED",
  },
  {
    name: "domain: no URL where a budget counts by it",
    document: { budgets: [{ name: "b", limit: "9", window: "day", per: "domain" }] },
    expect: "DOMAIN_NOT_ALLOWED",
  },
  {
    name: "domain: no URL where a budget counts by resource",
    document: { budgets: [{ name: "b", limit: "9", window: "day", per: "resource" }] },
    expect: "DOMAIN_NOT_ALLOWED",
  },
  { name: "domain: no URL where no rule asks for it", document: {}, expect: "allow" },

  {
    name: "category: in the list",
    document: { allowedCategories: ["data"] },
    payment: { category: "data" },
    expect: "allow",
  },
  {
    name: "category: in another spelling",
    document: { allowedCategories: ["data_feeds"] },
    payment: { category: " Data-Feeds" },
    expect: "allow",
  },
  {
    name: "category: not in the list",
    document: { allowedCategories: ["data"] },
    payment: { category: "gambling" },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "category: begins like one in the list",
    document: { allowedCategories: ["data"] },
    payment: { category: "data_x" },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "category: empty list",
    document: { allowedCategories: [] },
    payment: { category: "data" },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "category: empty list, none claimed",
    document: { allowedCategories: [] },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "category: none claimed",
    document: { allowedCategories: ["data"] },
    expect: "CATEGORY_NOT_ALLOWED",
  },
  {
    name: "category: none claimed where other is allowed",
    document: { allowedCategories: ["other"] },
    expect: "allow",
  },
  {
    name: "category: none that can be spelled where other is allowed",
    document: { allowedCategories: ["other"] },
    payment: { category: "日本" },
    expect: "allow",
  },
  {
    name: "category: blocked",
    document: { blockedCategories: ["gambling"] },
    payment: { category: "gambling" },
    expect: "CATEGORY_BLOCKED",
  },
  {
    name: "category: blocked, in another spelling",
    document: { blockedCategories: ["gambling"] },
    payment: { category: "GAMBLING " },
    expect: "CATEGORY_BLOCKED",
  },
  {
    name: "category: another one is blocked",
    document: { blockedCategories: ["gambling"] },
    payment: { category: "data" },
    expect: "allow",
  },
  {
    name: "category: none claimed beside a block list",
    document: { blockedCategories: ["gambling"] },
    expect: "allow",
  },
  {
    name: "category: none claimed where other is blocked",
    document: { blockedCategories: ["other"] },
    expect: "CATEGORY_BLOCKED",
  },
  {
    name: "category: an empty block list",
    document: { blockedCategories: [] },
    payment: { category: "data" },
    expect: "allow",
  },
  {
    name: "category: allowed and blocked",
    document: { allowedCategories: ["data"], blockedCategories: ["data"] },
    payment: { category: "data" },
    expect: "CATEGORY_BLOCKED",
  },
];
