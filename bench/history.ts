// A ledger with so many payments on record, written by the ledger itself in large batches.
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { Ledger } from "../signer/ledger/ledger.ts";
import type { Verdict } from "../signer/ledger/verdict.ts";

const HOUR_MS = 3_600_000;

/** Fills `folder`/state with `count` payments, the newest an hour old. */
export async function fillHistory(folder: string, count: number): Promise<void> {
  const home = join(folder, "state");
  mkdirSync(home, { mode: 0o700, recursive: true });
  const at = Date.now() - HOUR_MS;
  const ledger = Ledger.open(home, {
    clock: () => at,
    isOver: () => false,
    onFault: (error) => {
      throw error;
    },
  });
  for (let done = 0; done < count;) {
    const batch = Math.min(4096, count - done);
    const recorded = Array.from({ length: batch }, (_, i) =>
      ledger.reserve("default", () => payment(done + i, at)),
    );
    await Promise.all(recorded);
    done += batch;
  }
  ledger.close();
}

const draft = randomBytes(256);

function payment(n: number, at: number): Verdict {
  const id = `bench-${String(at).padStart(15, "0")}-${String(n).padStart(9, "0")}`;
  const asset = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
  const payTo = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
  return {
    is: "reserve",
    draft,
    add: [
      { key: "household|usd|total", bucket: 0, amount: 100n },
      { key: "household|usd|month@UTC", bucket: 0, amount: 100n },
    ],
    fields: {
      ...{ agent: "default", id, fingerprint: randomBytes(32).toString("hex"), scheme: "exact" },
      ...{ network: "eip155:84532", asset, symbol: "USDC", decimals: 6, amount: "100", usd: "100", payTo },
      ...{
        from: payTo,
        claims: { origin: "https://api.example.com", path: "/v1/weather", query: "00112233aabbccdd" },
      },
      ...{ policy: 1, unlock: 1, expires: Math.floor(at / 1000) + 60 },
    },
  };
}
