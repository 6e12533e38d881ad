// docs/evidence.md, as npm run torture writes it.
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { VERSION } from "../../protocol/version.ts";
import type { Evidence, Row } from "./row.ts";

export type Result = Evidence | { readonly impossible: string } | { readonly failed: string };

export interface RowResult {
  readonly row: Row;
  readonly seconds: number;
  readonly result: Result;
}

export interface Circumstances {
  readonly seed: number;
  readonly part: number;
  readonly startedAt: Date;
  /** Load average of the last minute before it began. */
  readonly load: number;
}

export const circumstances = (seed: number, part: number): Circumstances => ({
  seed,
  part,
  startedAt: new Date(),
  load: loadavg()[0] ?? 0,
});

/** The whole page. Rows without a result were not run, and it says so. */
export function page(rows: readonly Row[], results: readonly RowResult[], about: Circumstances): string {
  const lines = rows.map((row) => {
    const found = results.find((result) => result.row === row);
    return `| ${[row.what, row.must, ...(found ? cells(found) : ["NOT RUN", "", ""])].map(escaped).join(" | ")} |`;
  });
  return `# Evidence

Written by \`npm run torture\`; do not edit. Each row attacks one promise of the signer with real processes, files and
sockets; \`npm test\` runs a short form of each. A row that does not hold makes the command fail and says FAILED here.

${machine(about)}

| what | must hold | what was done | what was seen | time |
| --- | --- | --- | --- | --- |
${lines.join("\n")}

To ask the same questions again: \`X402_SEED=${about.seed} npm run torture\`; one row: \`npm run torture -- --rows kills\`.
${skips(results)}`;
}

function cells({ result, seconds }: RowResult): [string, string, string] {
  const time = `${Math.round(seconds)} s`;
  if ("failed" in result) return ["", `FAILED: ${result.failed}`, time];
  if ("impossible" in result) return [`SKIPPED: ${result.impossible}`, "", time];
  return [result.done, result.held, time];
}

function machine({ seed, part, startedAt, load }: Circumstances): string {
  const part100 = part === 1 ? "in full" : `with ${Math.round(part * 100)} % of the full counts`;
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `- Run on ${startedAt.toISOString()}, ${part100}, seed ${seed}.`,
    `- x402-signer ${VERSION}${commit()}.`,
    `- ${process.platform} ${release()}, ${process.arch}, ${cpus().length} CPUs, ${memory} GB, Node ${process.version};`,
    `  load average when it began: ${load.toFixed(1)}.`,
  ].join("\n");
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/evidence.md");
    return `, commit ${git("rev-parse", "--short", "HEAD")}${changed === "" ? "" : " with local changes"}`;
  } catch {
    return "";
  }
}

function skips(results: readonly RowResult[]): string {
  const all = results.flatMap(({ row, result }) =>
    "skipped" in result ? (result.skipped ?? []).map((what) => `- ${row.name}: ${what}`) : [],
  );
  return all.length === 0 ? "" : `\nNot done here:\n\n${all.join("\n")}\n`;
}

const escaped = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
