// The short form of each row. `npm run torture` runs the long ones; X402_SEED repeats a run that failed.
import { expect, it } from "vitest";
import { chosenSeed } from "./random.ts";
import { Impossible, shortForm } from "./row.ts";
import { ROWS } from "./rows.ts";

const seed = chosenSeed();

it("have a name each", () => {
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
});

for (const row of ROWS) {
  it(`${row.what}: ${row.must} (seed ${seed})`, { timeout: 180_000 }, async (test) => {
    try {
      const { done, held, skipped = [] } = await row.run(shortForm(seed));
      console.log(`${row.name}, seed ${seed}: ${done}; ${held}`);
      for (const what of skipped) console.warn(`SKIPPED: ${row.name}: ${what}`);
    } catch (error) {
      if (!(error instanceof Impossible)) throw error;
      console.warn(`SKIPPED: ${row.name}: ${error.message}`);
      test.skip();
    }
  });
}
