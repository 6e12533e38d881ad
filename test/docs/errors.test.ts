import { expect, it } from "vitest";
import { CODES, entryOf, isCode } from "../../protocol/errors.ts";
import { sourcesIn } from "../sources.ts";
import { readPage, rowsOf } from "./page.ts";

const codes = Object.keys(CODES).filter(isCode);

it("docs/errors.md has the table of codes, each once, as it is", () => {
  const rows = rowsOf(readPage("docs/errors.md")).filter(([first]) => /^`[A-Z]/.test(first ?? ""));
  const expected = codes.map((code) => {
    const { text, hint, retryable, exit } = entryOf(code);
    return [`\`${code}\``, text, hint, retryable ? "yes" : "no", String(exit)];
  });
  expect([...rows].sort()).toEqual([...expected].sort());
});

it("every code is one that something here may answer", () => {
  const folders = ["policy", "chains", "vault", "signer", "client", "cli", "protocol"];
  const text = sourcesIn(folders)
    .filter(({ path }) => path !== "protocol/codes.ts")
    .map((source) => source.text)
    .join("\n");
  expect(codes.filter((code) => !text.includes(`"${code}"`))).toEqual([]);
});

it("texts and hints are short, lower-case, without a period, and in ASCII", () => {
  for (const code of codes) {
    for (const said of [entryOf(code).text, entryOf(code).hint]) {
      expect(said, code).toMatch(/^[a-z][ -~]{5,90}[^.]$/);
    }
  }
});

it("only what may change by itself is retryable, and the exit status says which kind it is", () => {
  for (const code of codes) {
    const { kind, retryable, exit } = entryOf(code);
    if (kind === "decline") expect(exit, code).toBe(1);
    if (exit === 3) expect(retryable, code).toBe(true);
    if (exit === 2 || exit === 4) expect(retryable, code).toBe(false);
  }
});
