// The verifier's answer on a text, in this process.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type No, answer } from "../../verify/answer.ts";
import type { Known } from "../../verify/proofs.ts";
import type { Report } from "../../verify/report.ts";

const folder = mkdtempSync(join(tmpdir(), "x402-verdict-"));
const file = join(folder, "record");
process.once("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});

export function verdict(text: string | Uint8Array, known: Known = {}): Report | No {
  writeFileSync(file, text);
  const fd = openSync(file, "r");
  try {
    return answer(fd, known);
  } finally {
    closeSync(fd);
  }
}
