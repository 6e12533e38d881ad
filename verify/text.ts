// Hashes and JSON, as docs/ledger.md has them.
import { createHash } from "node:crypto";
import { Untrue } from "./untrue.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

export const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** RFC 8785 for what occurs here: keys sorted, no white space, no fractions. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

/** An object whose text is exactly how it would be written again: no second key, no odd spelling, no white space. */
export function readExact(text: string, what: string, row?: number): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new Untrue(`${what} is not JSON`, row);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value) || JSON.stringify(value) !== text) {
    throw new Untrue(`${what} is not as it was written`, row);
  }
  return value;
}

/** Text, or "" for anything else. */
export const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

export const isText = (value: Json | undefined): value is string => typeof value === "string";

export const isCount = (value: Json | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value);

export const isHash = (value: Json | undefined): value is string =>
  isText(value) && /^[0-9a-f]{64}$/.test(value);

export const isAmount = (value: Json | undefined): value is string =>
  isText(value) && /^-?(0|[1-9][0-9]*)$/.test(value);

/** "0.41" with 6 places -> 410000n; undefined for what is no decimal number, or has more places. */
export function decimalOf(text: string, places: number): bigint | undefined {
  const [, whole = "", fraction = ""] = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(text) ?? [];
  return whole === "" || fraction.length > places ? undefined : BigInt(whole + fraction.padEnd(places, "0"));
}

/** An address in the form that is compared: EVM's mean the same in any case, others do not. */
export const comparable = (address: string): string =>
  /^0x/i.test(address) ? address.toLowerCase() : address;
