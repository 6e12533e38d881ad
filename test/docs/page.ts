// A document of ours, in the parts that a test can hold it to.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../sources.ts";

export const readPage = (path: string): string => readFileSync(join(ROOT, path), "utf8");

export interface Block {
  /** What stands behind the three backticks. */
  readonly info: string;
  readonly text: string;
}

/** Fenced blocks, in order. */
export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(([, info = "", text = ""]) => ({ info, text }));

/** Level-3 sections: heading to text. */
export const sectionsOf = (markdown: string): Map<string, string> =>
  new Map(
    markdown
      .split(/^### /m)
      .slice(1)
      .map((section) => {
        const end = section.indexOf("\n");
        return [section.slice(0, end), section.slice(end + 1)];
      }),
  );

/** Rows of the tables, each as its cells; header and ruler rows are among them. */
export const rowsOf = (markdown: string): string[][] =>
  markdown
    .split("\n")
    .filter((line) => line.startsWith("|") && line.endsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
