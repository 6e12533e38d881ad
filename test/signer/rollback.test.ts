// Everything that a signer and its operator remember, put back to what it was, taken away or swapped, in every
// combination: a budget that is spent is never there again. But for what SECURITY.md names: all of it rolled back.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { X402Error } from "../../protocol/errors.ts";
import type { Head } from "../../protocol/shapes.ts";
import type { OpenVault } from "../../vault/vault.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { intent } from "./intents.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const POLICY = { version: 1, perDayMax: "0.02", allowedNetworks: ["base-sepolia"], allowedAssets: ["USDC"] };

/** As a thing is now, as it was before anything was spent, as before the first unlock, not there, or another signer's. */
type Version = "now" | "old" | "first" | "gone" | "other";
type Thing = "vault" | "ledger" | "head" | "seen";
type Combination = Readonly<Record<Thing, Version>>;

const versions = new Map<string, Uint8Array | undefined>();
const heads = new Map<Version, Head | undefined>();
let home: SignerHome;
let other: SignerHome;

const stateFile = (thing: Thing): string => (thing === "ledger" ? "ledger.db" : "head");

function keep(version: Version, from: SignerHome, head: Head | undefined): void {
  versions.set(`vault ${version}`, readFileSync(join(from.folder, "vault.enc")));
  for (const thing of ["ledger", "head"] as const)
    versions.set(`${thing} ${version}`, readFileSync(join(from.state, stateFile(thing))));
  heads.set(version, head);
}

beforeAll(async () => {
  home = await SignerHome.make();
  versions.set("vault first", readFileSync(join(home.folder, "vault.enc")));
  let signer = await home.start({ clock: () => NOW });
  await signer.unlock();
  await signer.apply(POLICY);
  await home.vault.change({});
  const old = (await signer.status()).head;
  await signer.close();
  keep("old", home, old);
  signer = await home.start({ clock: () => NOW });
  await signer.unlock();
  for (const n of [1, 2]) expect(await outcomeOf(signer.sign(intent(n)))).toBe("signed");
  await home.vault.change({});
  await signer.unlock();
  const { head } = await signer.status();
  await signer.close();
  keep("now", home, head);
  other = await SignerHome.make();
  const theirs = await other.start({ clock: () => NOW });
  await theirs.unlock();
  await theirs.apply(POLICY);
  const foreign = (await theirs.status()).head;
  await theirs.close();
  keep("other", other, foreign);
});

afterAll(() => {
  home.remove();
  other.remove();
});

/** What x402-vault unlock does, with the vault and the head that the operator has on file. */
async function unlock(signer: Signer, vault: OpenVault, seen: Head | undefined): Promise<void> {
  const { head } = await signer.status();
  const { ledgerId } = vault.header;
  const named = ledgerId ?? seen?.ledger;
  if (named !== undefined && named !== head.ledger) throw new X402Error("VAULT_OTHER_LEDGER");
  if (ledgerId !== undefined && seen?.ledger !== ledgerId) throw new X402Error("HEAD_MISSING");
  await signer.unlock({}, seen?.ledger === head.ledger ? { lastHead: seen } : {}, vault);
}

/** Puts everything into place, and tells what becomes of a payment: "signed", or why not. */
async function outcome({ vault, ledger, head, seen }: Combination): Promise<string> {
  const place = await SignerHome.make(versions.get(`vault ${vault}`));
  mkdirSync(place.state, { mode: 0o700 });
  for (const [thing, version] of [
    ["ledger", ledger],
    ["head", head],
  ] as const) {
    const bytes = versions.get(`${thing} ${version}`);
    if (bytes) writeFileSync(join(place.state, stateFile(thing)), bytes, { mode: 0o600 });
  }
  const signer = await place.start({ clock: () => NOW });
  try {
    await unlock(signer, place.vault, heads.get(seen));
    const first = await outcomeOf(signer.sign(intent("again")));
    if (first !== "NO_POLICY") return first;
    await signer.apply(POLICY);
    return await outcomeOf(signer.sign(intent("again")));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  } finally {
    await signer.close();
    place.remove();
  }
}

/** All that remembers the spending is as it was before: nobody can know. The vault does not remember it. */
function isForgotten({ vault, ledger, head, seen }: Combination): boolean {
  const isFirst = vault === "first" && seen === "gone";
  const rolledBack = ledger === "old" && head === "old" && (seen === "old" || isFirst);
  // A vault of before its first unlock takes the ledger that it finds.
  const begunAnew = isFirst && ledger === head && (ledger === "gone" || ledger === "other");
  return (
    rolledBack ||
    begunAnew ||
    (vault === "first" && ledger === "other" && head === "other" && seen === "other")
  );
}

const REFUSED = [
  "LEDGER_BEHIND",
  "LEDGER_MISSING",
  "LEDGER_DAMAGED",
  "VAULT_OTHER_LEDGER",
  "VAULT_REPLACED",
  "HEAD_MISSING",
  "DAILY_BUDGET_EXCEEDED",
];

describe("vault, ledger, head file and the operator's head", () => {
  const all = (["now", "old", "first", "other"] as const).flatMap((vault) =>
    (["now", "old", "gone", "other"] as const).flatMap((ledger) =>
      (["now", "old", "gone", "other"] as const).flatMap((head) =>
        (["now", "old", "gone", "other"] as const).map((seen): Combination => ({
          vault,
          ledger,
          head,
          seen,
        })),
      ),
    ),
  );

  it.each(["now", "old", "first", "other"] as const)(
    "with the vault %s never give a spent budget again",
    async (vault) => {
      const signed: Combination[] = [];
      for (const combination of all.filter((one) => one.vault === vault)) {
        const became = await outcome(combination);
        if (became === "signed") signed.push(combination);
        else expect(REFUSED, JSON.stringify(combination)).toContain(became);
      }
      const own = signed.filter((one) => !(one.vault === "other"));
      expect(own.filter((one) => !isForgotten(one))).toEqual([]);
      if (vault === "old") expect(own.length).toBeGreaterThan(0);
    },
  );

  it("as they are go on", async () => {
    const became = await outcome({ vault: "now", ledger: "now", head: "now", seen: "now" });
    expect(became).toBe("DAILY_BUDGET_EXCEEDED");
  });
});
