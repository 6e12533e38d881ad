// docs/policy.md is read by people who then write documents: what it shows must be valid, what it names must exist.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDocument } from "../../policy/document.ts";
import { PRESETS } from "../../policy/presets.ts";
import { documentSchema } from "../../policy/schema.ts";
import { isCode } from "../../protocol/errors.ts";

const text = readFileSync(new URL("../../docs/policy.md", import.meta.url), "utf8");

describe("docs/policy.md", () => {
  it("shows valid documents", () => {
    const blocks = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1]!);
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) parseDocument(JSON.parse(block));
  });

  it("explains every field and preset", () => {
    for (const field of Object.keys(documentSchema.shape)) expect(text).toContain(`| \`${field}\` |`);
    for (const { name } of PRESETS) expect(text).toContain(`\`${name}\``);
  });

  it("names codes that exist", () => {
    const codes = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes) expect(isCode(code), code).toBe(true);
  });
});
