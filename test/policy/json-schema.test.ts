// docs/policy.schema.json: up to date, complete, and never stricter than what reads a document. To write it anew:
// npx vitest run test/policy/json-schema.test.ts -u
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseDocument } from "../../policy/document.ts";
import { documentJsonSchema } from "../../policy/json-schema.ts";
import { PRESETS } from "../../policy/presets.ts";
import { documentSchema } from "../../policy/schema.ts";
import { blocksOf, readPage } from "../docs/page.ts";
import { ROOT } from "../sources.ts";

const FILE = join(ROOT, "docs/policy.schema.json");

type Node = Record<string, unknown>;
function* propertiesIn(node: unknown, path = ""): Generator<[string, Node]> {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "properties")
      for (const [name, property] of Object.entries(value as Node))
        yield [`${path}.${name}`, property as Node];
    yield* propertiesIn(value, key === "properties" ? path : `${path}.${key}`);
  }
}

describe("docs/policy.schema.json", () => {
  it("is what the schema says now", async () => {
    const text = JSON.stringify(documentJsonSchema());
    const formatted = await format(text, { ...(await resolveConfig(FILE)), filepath: FILE });
    await expect(formatted).toMatchFileSnapshot(FILE);
  });

  it("has every field, described", () => {
    const schema = documentJsonSchema();
    expect(Object.keys(schema["properties"] as Node)).toEqual(Object.keys(documentSchema.shape));
    const properties = [...propertiesIn(schema)];
    expect(properties.length).toBeGreaterThan(60);
    for (const [path, property] of properties) expect(property, path).toHaveProperty("description");
  });

  it("takes every document that is valid, and refuses what a person mistypes", () => {
    const schema = z.fromJSONSchema(documentJsonSchema());
    const valid: unknown[] = [
      ...PRESETS.map(({ document }) => document),
      ...blocksOf(readPage("docs/policy.md"))
        .filter(({ info }) => info === "json")
        .map(({ text }) => JSON.parse(text) as unknown),
      ...globSync("examples/policies/*.json", { cwd: ROOT })
        .filter((path) => !path.endsWith(".test.json"))
        .map((path) => JSON.parse(readFileSync(join(ROOT, path), "utf8")) as unknown),
    ];
    expect(valid.length).toBeGreaterThan(10);
    for (const document of valid) {
      expect(schema.safeParse(document).error, JSON.stringify(document)).toBeUndefined();
      // What the signer keeps is a document, too.
      expect(schema.safeParse(parseDocument(document)).error).toBeUndefined();
    }
    for (const wrong of [
      { perDayMax: "5" },
      { version: 2, perDayMax: "5" },
      { version: 1, perDayMax: 5 },
      { version: 1, perDayMax: "-5" },
      { version: 1, perdayMax: "5" },
      { version: 1, budgets: [{ name: "x", window: "day", limti: "5" }] },
      { version: 1, budgets: [{ name: "x", window: "day", per: "payee" }] },
      { version: 1, agents: { Research: {} } },
      { version: 1, $schema: "policy.schema.json" },
    ])
      expect(schema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });
});
