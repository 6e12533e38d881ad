// A key file of cardano-cli (a "text envelope"): a JSON object of strings {type, description, cborHex}. Read byte by byte,
// because a string of the key could not be wiped.
import { X402Error } from "../../protocol/errors.ts";

export interface TextEnvelope {
  readonly type: string;
  /** A view of the text: the hex digits. */
  readonly cborHex: Uint8Array;
}

const [OPEN, CLOSE, COLON, COMMA, QUOTE, BACKSLASH] = [123, 125, 58, 44, 34, 92];
const SPACES = [9, 10, 13, 32];
const FIELDS = ["type", "description", "cborHex"];

/** Throws PHRASE_INVALID for another object. */
export function readTextEnvelope(text: Uint8Array): TextEnvelope {
  const reader = new Reader(text);
  const fields = new Map<string, Uint8Array>();
  reader.expect(OPEN);
  for (const _ of FIELDS) {
    if (fields.size > 0) reader.expect(COMMA);
    const name = latin1(reader.text());
    reader.expect(COLON);
    if (!FIELDS.includes(name) || fields.has(name)) throw malformed();
    fields.set(name, reader.text());
  }
  reader.expect(CLOSE);
  reader.end();
  const [type, cborHex] = [fields.get("type"), fields.get("cborHex")];
  if (type === undefined || cborHex === undefined) throw malformed();
  return { type: latin1(type), cborHex };
}

class Reader {
  readonly #text: Uint8Array;
  #at = 0;

  constructor(text: Uint8Array) {
    this.#text = text;
  }

  expect(byte: number): void {
    this.#skipSpace();
    if (this.#text[this.#at++] !== byte) throw malformed();
  }

  /** What stands between two quotes, as it is written: where an escape would matter, it is no known word. */
  text(): Uint8Array {
    this.expect(QUOTE);
    const start = this.#at;
    for (; this.#text[this.#at] !== QUOTE; this.#at++) {
      const byte = this.#text[this.#at];
      if (byte === undefined || byte < 32) throw malformed();
      if (byte === BACKSLASH) this.#at++;
    }
    return this.#text.subarray(start, this.#at++);
  }

  end(): void {
    this.#skipSpace();
    if (this.#at !== this.#text.length) throw malformed();
  }

  #skipSpace(): void {
    while (SPACES.includes(this.#text[this.#at] ?? 0)) this.#at++;
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

const malformed = (): X402Error =>
  new X402Error(
    "PHRASE_INVALID",
    "a key file of cardano-cli has type, description and cborHex, and nothing else",
  );
