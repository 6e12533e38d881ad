// npm run torture: the long form of every row, one after another, and docs/evidence.md.
//   --rows a,b   only these; prints the table and leaves the page alone
//   --part 0.1   a tenth of the counts; the page says so
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chosenSeed } from "./random.ts";
import { type Result, type RowResult, circumstances, page } from "./report.ts";
import { Impossible, type Row, longForm } from "./row.ts";
import { ROWS } from "./rows.ts";

const PAGE = fileURLToPath(new URL("../../docs/evidence.md", import.meta.url));

const { values } = parseArgs({ options: { rows: { type: "string" }, part: { type: "string" } } });
const part = Number(values.part ?? "1");
if (!(part > 0 && part <= 1)) throw new RangeError("--part is above 0 and at most 1");
const names = values.rows?.split(",");
const rows = ROWS.filter(({ name }) => names?.includes(name) ?? true);
if (rows.length < (names?.length ?? 1))
  throw new RangeError(`rows: ${ROWS.map(({ name }) => name).join(", ")}`);

const about = circumstances(chosenSeed(), part);
const results: RowResult[] = [];

async function attempt(row: Row): Promise<Result> {
  try {
    return await row.run(longForm(about.seed, part));
  } catch (error) {
    if (error instanceof Impossible) return { impossible: error.message };
    console.error(error);
    return { failed: (error as Error).message };
  }
}

process.stderr.write(`seed ${about.seed}\n`);
for (const row of rows) {
  process.stderr.write(`${row.name}: ${row.what}\n`);
  const from = performance.now();
  const result = await attempt(row);
  results.push({ row, result, seconds: (performance.now() - from) / 1000 });
  process.stderr.write(`  ${JSON.stringify(result)}\n`);
  // After each: a run that ends early leaves what it saw.
  if (!names) writeFileSync(PAGE, page(ROWS, results, about));
}
if (names) process.stdout.write(page(rows, results, about));
process.exitCode = results.some(({ result }) => "failed" in result) ? 1 : 0;
