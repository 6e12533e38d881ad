import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineEditor, MAX_LINE_BYTES } from "../../cli/line-editor.ts";
import { printable, table } from "../../cli/terminal.ts";

describe("text of others", () => {
  it("is shown with nothing in it that a terminal obeys or that hides", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(shown.split("\n")).toHaveLength(1);
      }),
    );
  });

  it("cannot be mistaken for another", () => {
    expect(printable("a\nb")).toBe("a\\u{a}b");
    expect(printable("a\\u{a}b")).toBe("a\\\\u{a}b");
    expect(printable("\u202egnp.exe")).toBe("\\u{202e}gnp.exe");
    expect(printable("pay\u200bpal")).toBe("pay\\u{200b}pal");
    expect(printable("\x9b31m")).toBe("\\u{9b}31m");
    expect(printable("Zażółć 漢字 €5")).toBe("Zażółć 漢字 €5");
  });
});

describe("a table", () => {
  it("aligns its columns and ends no line in blanks", () => {
    expect(table([["a", "bbb", "c"], ["aaaa", "b", ""]], [1])).toEqual(["a     bbb  c", "aaaa    b"]); // prettier-ignore
    expect(table([])).toEqual([]);
  });
});

const typed = (keys: string | Uint8Array, chunk = MAX_LINE_BYTES * 4) => {
  const bytes = Buffer.from(keys);
  const editor = new LineEditor();
  for (let at = 0; at < bytes.length; at += chunk) {
    const state = editor.push(bytes.subarray(at, at + chunk));
    if (state.is === "line") {
      return {
        line: state.line.use((b) => Buffer.from(b).toString()),
        rest: Buffer.from(state.rest).toString(),
      };
    }
    if (state.is === "stopped") return { code: state.code };
  }
  return "open";
};

describe("a typed line", () => {
  it("is what was typed, however the bytes arrive", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 }).filter((s) => !/[\p{Cc}]/u.test(s));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 5 }), (line, chunk) => {
        expect(typed(`${line}\r`, chunk)).toMatchObject({ line });
      }),
    );
  });

  it.each([
    ["Backspace takes a whole character", "aé\x7fb漢\x08\r", { line: "ab", rest: "" }],
    ["Backspace on nothing is nothing", "\x7f\x7fa\r", { line: "a", rest: "" }],
    ["Ctrl-U takes all", "abc\x15de\n", { line: "de", rest: "" }],
    [
      "arrows and function keys are nothing",
      "a\x1b[D\x1b[1;5C\x1bOP\x1b[3~b\x1bxc\r",
      { line: "abc", rest: "" },
    ],
    ["other controls are nothing", "a\x00\x01\t\x0eb\r", { line: "ab", rest: "" }],
    ["what follows is the next line's", "one\rtwo\r", { line: "one", rest: "two\r" }],
    ["Ctrl-C gives up", "abc\x03", { code: "ABORTED" }],
    ["Ctrl-D on nothing gives up", "\x04", { code: "ABORTED" }],
    ["Ctrl-D behind something is nothing", "a\x04b\r", { line: "ab", rest: "" }],
    ["the longest line", `${"x".repeat(MAX_LINE_BYTES)}\r`, { line: "x".repeat(MAX_LINE_BYTES), rest: "" }],
    ["one byte more", `${"x".repeat(MAX_LINE_BYTES + 1)}\r`, { code: "USAGE" }],
    ["no end yet", "abc", "open"],
  ])("%s", (_, keys, expected) => {
    expect(typed(keys)).toEqual(expected);
    expect(typed(keys, 1)).toEqual(
      typeof expected === "object" && "rest" in expected ? { ...expected, rest: "" } : expected,
    );
  });
});
