// Domains. What a URL says is a claim; what can be read from it must still not depend on how it is spelled.

// The record keeps so much of a path; what is counted by resource must be the same when it is counted again.
const MAX_PATH = 512;
/** RFC 1035, 2.3.4. Looking up every parent of a host of thousands of labels would take milliseconds. */
const MAX_HOST = 253;

/** What rules may ask of a claimed URL: its host, and its origin with path (no query). */
export interface Site {
  readonly domain: string;
  readonly resource: string;
}

// Scheme, two slashes and a host without userinfo. URL parsers repair much more (back-slashes, tabs, a missing
// slash), and two parsers repair differently, so what needs repair has no domain here.
const PLAIN_URL = /^https?:\/\/[^\s/\\?#@]+(?:[/?#][^\s\\]*)?$/i;

/**
 * The site of an http(s) URL, host in lower case and IDN as punycode. Undefined when there is no such URL, when it
 * has userinfo, white space or back-slashes, and when its host ends in a dot: such a URL has no domain, and rules
 * about domains decline it.
 */
export function siteOf(url: string | undefined): Site | undefined {
  if (url === undefined || !PLAIN_URL.test(url)) return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "" || parsed.hostname.endsWith(".")) return undefined;
  if (parsed.hostname.length > MAX_HOST) return undefined;
  return { domain: parsed.hostname, resource: parsed.origin + parsed.pathname.slice(0, MAX_PATH) };
}

const WILDCARD = "*.";
const IP = /^\[|^[0-9.]+$/;
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[^[\]:%*/?#]+)$/;

/**
 * One spelling (lower case, punycode) for a domain as a policy names it: "example.com", "*.example.com",
 * "localhost", "127.0.0.1", "[::1]". Undefined when the text is not a host or a wildcard of one.
 */
export function canonicalDomain(pattern: string): string | undefined {
  const wild = pattern.startsWith(WILDCARD);
  const name = wild ? pattern.slice(WILDCARD.length) : pattern;
  const site = HOST.test(name) ? siteOf(`http://${name}/`) : undefined;
  if (site === undefined || (wild && IP.test(site.domain))) return undefined;
  return wild ? WILDCARD + site.domain : site.domain;
}

/** True when `domain` is one of `suffixes` or lies below one. */
function below(domain: string, suffixes: ReadonlySet<string>): boolean {
  if (suffixes.size === 0) return false;
  for (let at = 0; at !== -1; at = domain.indexOf(".", at) + 1 || -1) {
    if (suffixes.has(domain.slice(at))) return true;
  }
  return false;
}

/** A compiled list: `exact` names match themselves, `wild` ones themselves and everything below. */
export interface DomainList {
  readonly exact: ReadonlySet<string>;
  readonly wild: ReadonlySet<string>;
}

export function compileDomains(patterns: readonly string[]): DomainList {
  const isWild = (pattern: string): boolean => pattern.startsWith(WILDCARD);
  return {
    exact: new Set(patterns.filter((pattern) => !isWild(pattern))),
    wild: new Set(patterns.filter(isWild).map((pattern) => pattern.slice(WILDCARD.length))),
  };
}

/** A block list: a name blocks itself and everything below it, with or without "*.". */
export function compileBlockedDomains(patterns: readonly string[]): DomainList {
  const { exact, wild } = compileDomains(patterns);
  return { exact: new Set(), wild: new Set([...exact, ...wild]) };
}

export const inDomains = (list: DomainList, domain: string): boolean =>
  list.exact.has(domain) || below(domain, list.wild);
