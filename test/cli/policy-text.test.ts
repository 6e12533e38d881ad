// Texts that commands read and write: CSV fields, times, paths of fields.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvLine } from "../../cli/policy/csv.ts";
import { parsePath, withField, withoutField } from "../../cli/policy/edit.ts";
import { localTime, parseTime } from "../../cli/times.ts";

describe("csv", () => {
  it("is one line of quoted fields that no spreadsheet takes for a formula", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 20 }), { minLength: 1, maxLength: 5 }),
        (fields) => {
          const line = csvLine(fields);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
          const read = [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map((match) =>
            match[1]!.replaceAll('""', '"'),
          );
          expect(read).toHaveLength(fields.length);
          for (const field of read) expect(field).not.toMatch(/^\s*[=+\-@]/);
        },
      ),
      { numRuns: 500 },
    );
    expect(csvLine(['a"b', "=1+1", " @x", "-2", "\t=1", "x=1"])).toBe(
      `"a""b","'=1+1","' @x","'-2","\\u{9}=1","x=1"`,
    );
  });
});

describe("times", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  it("are a while ago, a local date, or an instant", () => {
    expect(parseTime("2h", now)).toBe(now - 7_200_000);
    expect(parseTime("7d", now)).toBe(now - 7 * 86_400_000);
    expect(parseTime("2026-11-20", now)).toBe(new Date(2026, 10, 20).getTime());
    expect(parseTime("2026-11-20T12:00", now)).toBe(new Date(2026, 10, 20, 12).getTime());
    expect(parseTime("2026-11-20T12:00Z", now)).toBe(now);
    expect(parseTime("2026-11-20T14:00:00+02:00", now)).toBe(now);
    expect(localTime(new Date(2026, 0, 2, 3, 4).getTime())).toBe("2026-01-02 03:04");
    for (const text of ["", "now", "2026", "20.11.2026", "2026-13-01", "2026-11-20T25:00", "-2h", "1e3"]) {
      expect(() => parseTime(text, now), text).toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
    }
  });
});

describe("paths", () => {
  it("name fields, items by name or position", () => {
    expect(parsePath("agents.a.budgets[slow down].count")).toEqual([
      "agents",
      "a",
      "budgets",
      "slow down",
      "count",
    ]);
    expect(parsePath("assets[0].pegged")).toEqual(["assets", "0", "pegged"]);
    for (const path of [
      "",
      ".",
      "a.",
      "a..b",
      ".a",
      "a[",
      "a[]",
      "a b",
      "__proto__",
      "a.__proto__.b",
      "[__proto__]",
    ]) {
      expect(() => parsePath(path), path).toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
    }
  });

  it("change a copy", () => {
    const document = Object.freeze({
      version: 1,
      budgets: Object.freeze([{ name: "a", count: 1, window: "day" }]),
    });
    expect(withField(document, "budgets[a].count", "2")).toEqual({
      version: 1,
      budgets: [{ name: "a", count: 2, window: "day" }],
    });
    expect(withField(document, "budgets[b]", '{"count":3}')).toMatchObject({
      budgets: [{}, { name: "b", count: 3 }],
    });
    expect(withField(document, "assets[x]", '{"symbol":"X","pegged":true}')).toMatchObject({
      assets: [{ symbol: "X", pegged: true }],
    });
    expect(withField(document, "budgets[a].match", '{"domain":"x.example"}')).toMatchObject({
      budgets: [{ match: { domain: "x.example" } }],
    });
    expect(withoutField(document, "budgets[a]")).toEqual({ version: 1, budgets: [] });
    expect(document.budgets).toHaveLength(1);
  });
});
