// README, SECURITY and the other pages: what they point at is there. What README shows is run by test/pack.test.ts and
// test/examples/demo.test.ts.
import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, sourcesIn } from "../sources.ts";
import { readPage } from "./page.ts";

const PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: ROOT }).sort()];

describe.each(PAGES)("%s", (path) => {
  const page = readPage(path);

  it("links to pages that exist", () => {
    for (const [, to = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      if (to.startsWith("https://")) continue;
      const [file = "", heading] = to.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      expect(existsSync(join(ROOT, target)), to).toBe(true);
      if (heading !== undefined) expect(headingsOf(readPage(target)), to).toContain(heading);
    }
  });

  it("names files that exist", () => {
    const folders = "test|bench|bin|chains|cli|client|examples|policy|protocol|signer|vault";
    const named = [...page.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*)\``, "g"))].map(
      ([, file]) => file!,
    );
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it("names commands, subcommands and options that exist", () => {
    const sources = sourcesIn(["cli", "signer"])
      .map(({ text }) => text)
      .join("\n");
    for (const [, command = "", rest = ""] of page.matchAll(
      /(?:npx |`|\$ )(x402-(?:vault|policy|signer)) ([^\n`#]*)/g,
    )) {
      const [sub = "", ...words] = rest.trim().split(/\s+/);
      const known = command === "x402-signer" ? `command !== "${sub}"` : `.command("${sub}`;
      if (/^[a-z]+$/.test(sub)) expect(sources, `${command} ${sub}`).toContain(known);
      for (const option of [sub, ...words].filter((word) => /^--[a-z]/.test(word))) {
        expect(sources, `${command} ${option}`).toMatch(
          new RegExp(`${option}\\b|"${option.slice(2)}"|${option.slice(2)}:`),
        );
      }
    }
  });
});

it("every promise has a line, with a test that tries to break it", () => {
  const rows = readPage("SECURITY.md")
    .split("\n")
    .filter((line) => /^\| \d\. \*\*/.test(line));
  expect(rows.map((row) => row.slice(2, 3))).toEqual(Array.from("123456789"));
  for (const row of rows) expect(row.split(" | ")[1]).toMatch(/`test\/[\w/.-]+`/);
});

/** As a link names them. */
const headingsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
