// The form of an export: a header, one line a row, an end. Every line is read in the one spelling that it can have, so
// that no byte of the file is free.
import { type Json, type JsonObject, isAmount, isCount, isHash, isText, readExact } from "./text.ts";
import { Untrue } from "./untrue.ts";

export interface Header {
  readonly ledger: string;
  /** The audit key as the file has it: a claim, until somebody who knows says the same. */
  readonly key?: string;
}

export interface Row {
  readonly seq: number;
  readonly hash: string;
  /** JSON text, hashed as it stands. */
  readonly body: string;
}

export interface Head {
  readonly ledger: string;
  readonly seq: number;
  readonly hash: string;
}

/** [key, bucket, amount] */
export type Counter = readonly [string, number, string];

export interface End {
  readonly head: Head;
  readonly counters: readonly Counter[];
  readonly seal?: string;
}

/** Hands header, rows and end to whoever checks them. Throws Untrue for anything else in the file. */
export function readExport(
  lines: Iterable<string>,
  to: { header(header: Header): void; row(row: Row): void; end(end: End): void },
): void {
  let state: "header" | "rows" | "done" = "header";
  let last = 0;
  for (const line of lines) {
    if (state === "done") throw new Untrue("the file goes on after its end");
    if (state === "header") {
      to.header(readHeader(line));
      state = "rows";
    } else if (line.startsWith('{"head"')) {
      to.end(readEnd(line));
      state = "done";
    } else {
      const row = readRow(line, last);
      to.row(row);
      last = row.seq;
    }
  }
  if (state !== "done") throw new Untrue(`the file was cut off after row ${last}: it has no end`);
}

function readHeader(line: string): Header {
  const { "x402-audit": version, ledger, key, ...others } = readExact(line, "the first line");
  const keyIsRight = key === undefined || (isText(key) && isKey(key));
  if (version !== 1 || !isText(ledger) || !keyIsRight || !isEmpty(others))
    throw new Untrue("the first line is not that of an export");
  return { ledger, ...(key === undefined ? {} : { key }) };
}

function readRow(line: string, last: number): Row {
  const { seq, hash, body, ...others } = readExact(line, `the line after row ${last}`);
  if (!isCount(seq) || !isHash(hash) || !isText(body) || !isEmpty(others))
    throw new Untrue(`the line after row ${last} is not a row`);
  return { seq, hash, body };
}

function readEnd(line: string): End {
  const { head, counters, seal, ...others } = readExact(line, "the last line");
  const right = Array.isArray(counters) && counters.every(isCounter) && (seal === undefined || isText(seal));
  if (!right || !isEmpty(others)) throw new Untrue("the last line is not that of an export");
  return { head: readHead(head), counters, ...(seal === undefined ? {} : { seal }) };
}

/** Throws Untrue for what is not a head. */
export function readHead(value: Json | undefined): Head {
  const { ledger, seq, hash, ...others } = (value ?? {}) as JsonObject;
  if (!isText(ledger) || !isCount(seq) || !isHash(hash) || !isEmpty(others))
    throw new Untrue("that is not a head: ledger, seq and hash");
  return { ledger, seq, hash };
}

export const isCounter = (value: Json): value is [string, number, string] =>
  Array.isArray(value) && value.length === 3 && isText(value[0]) && isCount(value[1]) && isAmount(value[2]);

/** 32 bytes in base64url. */
export const isKey = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
