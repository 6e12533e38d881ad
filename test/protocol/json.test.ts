import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Json, canonicalJson, parseJson } from "../../protocol/json.ts";
import { json, loosely } from "./arbitrary.ts";
import { codeOf } from "./code.ts";

const isRecord = (value: Json): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

describe("the strict reader", () => {
  it("reads what JSON.parse reads, however it is spaced and escaped", () => {
    fc.assert(
      fc.property(json, fc.infiniteStream(fc.nat()), (value, choices) => {
        const text = loosely(value, (list) => list[(choices.next().value ?? 0) % list.length]!);
        expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(canonicalJson(parseJson(text))).toBe(canonicalJson(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses a key that comes twice, wherever it is, escaped or not", () => {
    fc.assert(
      fc.property(json, fc.string({ unit: "binary" }), fc.infiniteStream(fc.nat()), (value, key, choices) => {
        const pick = (list: readonly string[]) => list[(choices.next().value ?? 0) % list.length]!;
        const twice = `{${loosely(key, pick)}:1,"other":${loosely(value, pick)},${loosely(key, pick)}:1}`;
        const text = pick([twice, `[${twice}]`, `{"in":${twice}}`, `{"in":1,"then":[{},${twice}]}`]);
        if (key === "other") return;
        expect(() => JSON.parse(text) as Json).not.toThrow();
        expect(codeOf(() => parseJson(text))).toBe("INVALID_REQUEST");
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses __proto__, escaped too", () => {
    for (const text of [
      '{"__proto__":{"admin":true}}',
      '[{"__\\u0070roto__":1}]',
      '{"a":{"__proto__":null}}',
    ])
      expect(codeOf(() => parseJson(text))).toBe("INVALID_REQUEST");
    expect(parseJson('"__proto__"')).toBe("__proto__");
  });

  it("goes no deeper than it is told, and says so before it parses", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    for (const depth of [1, 2, 16])
      expect(codeOf(() => parseJson(nested(depth), "x", depth))).toBe("no error");
    for (const depth of [1, 2, 16])
      expect(codeOf(() => parseJson(nested(depth + 1), "x", depth))).toBe("INVALID_REQUEST");
    expect(codeOf(() => parseJson("[".repeat(1_000_000)))).toBe("INVALID_REQUEST");
    expect(codeOf(() => parseJson(`{"a":`.repeat(1_000_000)))).toBe("INVALID_REQUEST");
    // Brackets in strings are text.
    expect(parseJson(JSON.stringify("[".repeat(100)))).toBe("[".repeat(100));
  });

  it("is not led astray by an earlier text whose key looks like a later one's escapes", () => {
    for (const [made, key] of [
      ["\\u0061", "\\u0061mount"],
      ["pa\\u0", "pa\\u0079To"],
      ["\\", "\\u0062"],
    ]) {
      expect(codeOf(() => parseJson(`{"q":1,${JSON.stringify(made)}:1}`))).toBe("INVALID_REQUEST");
      const text = `{"q":1,"${key}":1}`;
      const meant = (JSON.parse(`["${key}"]`) as string[])[0]!;
      if (codeOf(() => parseJson(text)) === "no error") expect(parseJson(text)).toEqual({ q: 1, [meant]: 1 });
      // The key twice, once as it could be misread: the count alone would not see it.
      expect(codeOf(() => parseJson(`{"q":1,"${key}":1,"${meant}":2}`))).toBe("INVALID_REQUEST");
    }
  });

  it("refuses or reads every text, and nothing else happens", () => {
    const pieces = fc.constantFrom(
      ...Array.from('{}[]:,"\\ \n01e-.a'),
      "true",
      "null",
      '"a"',
      "\\u0022",
      "\ufeff",
      "\ud800",
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const text = parts.join("");
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(codeOf(() => parseJson(text))).toBe("INVALID_REQUEST");
          return;
        }
        if (codeOf(() => parseJson(text)) === "no error") expect(parseJson(text)).toEqual(parsed);
      }),
      { numRuns: 5000 },
    );
  });

  it("never says what was in the text", () => {
    for (const text of ["secret", '{"secret":1,"secret":2}', "[".repeat(20) + '"secret"'])
      expect(() => parseJson(text)).not.toThrow(/secret/);
  });
});

describe("the canonical form", () => {
  it("is one text for one value, whatever order its keys came in", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(canonicalJson(turned(value))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("is another text for another value", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = JSON.stringify(turned(a, true)) === JSON.stringify(turned(b, true));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  it("sorts keys by UTF-16 code unit (RFC 8785, section 3.2.3)", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
    const object = Object.fromEntries(keys.map((key) => [key, 1]));
    const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"];
    expect(Object.keys(JSON.parse(canonicalJson(object)) as object).filter((key) => key !== "1")).toEqual(
      sorted.filter((key) => key !== "1"),
    );
    expect(canonicalJson(object)).toBe(`{${sorted.map((key) => `${JSON.stringify(key)}:1`).join(",")}}`);
  });

  it("takes an undefined member for an absent one, and -0 for 0", () => {
    expect(canonicalJson({ b: undefined, a: -0 })).toBe('{"a":0}');
  });

  it.each([[1.5], [Infinity], [NaN], [2 ** 53], [1n], [undefined], [() => 1], [Symbol("x")], [[undefined]]])(
    "there is none of %s",
    (value) => {
      expect(() => canonicalJson(value)).toThrow(TypeError);
    },
  );
});

/** The same value with its keys in another order: reversed, or sorted. */
function turned(value: Json, sorted = false): Json {
  if (Array.isArray(value)) return value.map((item) => turned(item, sorted));
  if (!isRecord(value)) return value;
  const order = sorted ? Object.keys(value).sort() : Object.keys(value).reverse();
  const object: { [key: string]: Json } = {};
  for (const key of order) {
    object[key] = turned(value[key]!, sorted);
  }
  return object;
}
