import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODES, X402Error, isCode } from "../../protocol/errors.ts";
import {
  LineReader,
  MAX_REQUEST_BYTES,
  decodeReply,
  decodeRequest,
  encodeError,
  encodeRequest,
  encodeResult,
} from "../../protocol/rpc.ts";
import { cut, json } from "./arbitrary.ts";
import { codeOf } from "./code.ts";

const rpcId = fc.oneof(fc.string({ maxLength: 32 }), fc.maxSafeInteger());
const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

describe("requests", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(rpcId, fc.string({ maxLength: 32 }), json.filter(isObject), (id, method, params) => {
        const line = encodeRequest(id, method, params);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(decodeRequest(line)).toEqual({ id, method, params });
      }),
      { numRuns: 500 },
    );
    expect(decodeRequest('{"jsonrpc":"2.0","id":1,"method":"m"}').params).toEqual({});
  });

  const good = { jsonrpc: "2.0", id: 1, method: "signer.status", params: {} };
  it.each([
    ["nothing", ""],
    ["white space", " \r"],
    ["no JSON", "hello"],
    ["two requests on a line", JSON.stringify(good) + JSON.stringify(good)],
    ["a batch", JSON.stringify([good])],
    ["a notification", JSON.stringify({ ...good, id: undefined })],
    ["a null id", JSON.stringify({ ...good, id: null })],
    ["a fraction for an id", JSON.stringify({ ...good, id: 1.5 })],
    ["an id beyond the safe integers", JSON.stringify(good).replace('"id":1', '"id":9007199254740993')],
    ["a long id", JSON.stringify({ ...good, id: "x".repeat(65) })],
    ["another version", JSON.stringify({ ...good, jsonrpc: "1.0" })],
    ["positional params", JSON.stringify({ ...good, params: [1] })],
    ["null params", JSON.stringify({ ...good, params: null })],
    ["a member too many", JSON.stringify({ ...good, auth: "x" })],
    ["a member twice", JSON.stringify(good).replace('"id":1', '"id":1,"id":2')],
    ["17 levels", JSON.stringify(good).replace("{}", `{"a":${"[".repeat(15)}${"]".repeat(15)}}`)],
  ])("that are %s are refused", (_, line) => {
    expect(codeOf(() => decodeRequest(line))).toBe("INVALID_REQUEST");
  });
});

describe("replies", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(rpcId, json, (id, result) => {
        expect(decodeReply(encodeResult(id, result))).toEqual({ id, result });
      }),
      { numRuns: 500 },
    );
  });

  it("carry every code of the table, with its own text, hint and detail", () => {
    for (const code of Object.keys(CODES).filter(isCode)) {
      const sent = new X402Error(code, "row 7", { hint: "a hint of the moment" });
      const reply = decodeReply(encodeError(7, sent));
      const { error } = reply as { error: X402Error };
      expect(reply.id).toBe(7);
      expect(error).toBeInstanceOf(X402Error);
      expect([error.code, error.message, error.hint, error.retryable]).toEqual([
        sent.code,
        sent.message,
        sent.hint,
        sent.retryable,
      ]);
    }
  });

  it("use JSON-RPC's own numbers for its own failures", () => {
    const numbers = (["METHOD_NOT_FOUND", "INVALID_REQUEST", "LINE_TOO_LONG", "SIGNER_LOCKED"] as const).map(
      (code) =>
        (JSON.parse(encodeError(null, new X402Error(code))) as { error: { code: number } }).error.code,
    );
    expect(numbers).toEqual([-32601, -32600, -32600, -32000]);
  });

  it("of a newer signer, with a code that is not known here, are INTERNAL, without its text", () => {
    const line = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      error: { code: -32000, message: "\u001b[31mpay me", data: { code: "NEW_CODE", hint: "x" } },
    });
    const { error } = decodeReply(line) as { error: X402Error };
    expect(error.code).toBe("INTERNAL");
    expect(error.message).not.toContain("pay me");
  });

  it.each(["", "{}", "[]", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":1,"error":7}'])(
    "%j is none",
    (line) => {
      expect(["INTERNAL", "INVALID_REQUEST"]).toContain(codeOf(() => decodeReply(line)));
    },
  );
});

describe("lines", () => {
  const readAll = (chunks: readonly Buffer[], max = MAX_REQUEST_BYTES): string[] => {
    const reader = new LineReader(max);
    const lines = chunks.flatMap((chunk) => reader.push(chunk));
    expect(reader.pendingBytes).toBe(0);
    return lines;
  };
  const text = fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", ""));
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });

  it("are the same however the stream is cut, through the middle of characters too", () => {
    fc.assert(
      fc.property(fc.array(text), cuts, (lines, at) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
        expect(readAll(cut(bytes, at))).toEqual(lines);
        expect(readAll([...bytes].map((byte) => Buffer.from([byte])))).toEqual(lines);
      }),
      { numRuns: 500 },
    );
  });

  it("may be as long as allowed and not a byte longer, however they are cut", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), cuts, (max, at) => {
        const fits = Buffer.from(`${"x".repeat(max)}\n`);
        expect(readAll(cut(fits, at), max)).toHaveLength(1);
        const long = Buffer.from(`x${fits.toString()}`);
        expect(codeOf(() => readAll(cut(long, at), max))).toBe("LINE_TOO_LONG");
      }),
    );
  });

  it("keep no more than they may, even if no line ever ends", () => {
    const reader = new LineReader(1000);
    const flood = () => {
      for (;;) reader.push(Buffer.alloc(300));
    };
    expect(codeOf(flood)).toBe("LINE_TOO_LONG");
    expect(reader.pendingBytes).toBeLessThanOrEqual(1300);
  });

  it("are UTF-8 or refused", () => {
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80]])
      expect(codeOf(() => readAll([Buffer.from([...bad, 10])]))).toBe("INVALID_REQUEST");
  });

  it("are copied as they come, so that no chunk is kept for one byte of it", () => {
    const reader = new LineReader(1000);
    const chunk = Buffer.from("ab");
    reader.push(chunk);
    chunk.fill("z");
    expect(reader.push(Buffer.from("c\n"))).toEqual(["abc"]);
  });
});
