// The one strict JSON reader, and the canonical form that hashes are taken over.
//
// JSON.parse takes any depth and lets a later duplicate key win silently. Two readers that choose differently would
// see two payments in one line. A duplicate is found by counting: an object text with a repeated key has more colons
// outside strings than the parsed value has keys.
//
// A key with a backslash in it is refused, because JSON.parse of V8 14.6 (Node 26.10) sometimes makes one up: after a
// text with the key `\u0061` (six characters, escaped backslash), it reads the key "\u0061mount" as that one and not as
// `amount`, since it compares what the text says before it decodes it. What it makes up always has the backslash.
// `__proto__` is refused because validators drop it or worse, and no format here has it.
import { X402Error } from "./errors.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export const MAX_DEPTH = 16;

/** Parses strictly: well-formed, at most `maxDepth` deep, no key twice, no odd key. Throws INVALID_REQUEST. */
export function parseJson(text: string, title = "request", maxDepth = MAX_DEPTH): Json {
  const colons = scan(text, title, maxDepth);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new X402Error("INVALID_REQUEST", `${title} is not JSON`);
  }
  if (countKeys(value, title) !== colons)
    throw new X402Error("INVALID_REQUEST", `${title} has a duplicate key`);
  return value;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

/** Colons outside strings. Only meaningful together with JSON.parse, which decides whether the text is JSON at all. */
function scan(text: string, title: string, maxDepth: number): number {
  let depth = 0;
  let colons = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = endOfString(text, i + 1);
    else if (c === COLON) colons++;
    else if (c === 123 || c === 91) {
      if (++depth > maxDepth) throw new X402Error("INVALID_REQUEST", `${title} is nested too deep`);
    } else if (c === 125 || c === 93) depth--;
  }
  return colons;
}

function endOfString(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i;
    if (c === BACKSLASH) i++;
  }
  return text.length;
}

function countKeys(value: Json, title: string): number {
  if (value === null || typeof value !== "object") return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item, title);
    return count;
  }
  for (const key of Object.keys(value)) {
    if (key === "__proto__" || key.includes("\\")) {
      throw new X402Error("INVALID_REQUEST", `${title} has a key that is __proto__ or holds a backslash`);
    }
    count += 1 + countKeys(value[key] as Json, title);
  }
  return count;
}

/**
 * One text for one value: keys sorted by UTF-16 code unit, no white space, as in RFC 8785 for strings, integers,
 * booleans, null, arrays and objects. Absent and undefined members are the same. Floats are refused: money is text.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return canonicalInteger(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`cannot canonicalize a ${typeof value}`);
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

function canonicalInteger(value: number): string {
  if (!Number.isSafeInteger(value))
    throw new TypeError("cannot canonicalize a number that is not a safe integer");
  return String(value);
}
