// The vault: every byte, every length, and an end or a failing disk at each call of each of its writes.
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entropyOf } from "../../vault/phrase.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { Secret } from "../../vault/secret.ts";
import { create } from "../../vault/vault.ts";
import { JUNK, PASSPHRASE, ascii } from "../vault/home.ts";
import { type Call, faultsImpossible } from "./fault.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";
import { type Counts, SpoiltVault } from "./vault-bytes.ts";
import { type Fate, VaultLab, WRITES, isKill } from "./vault-writes.ts";

const LANES = 2;

export const vault: Row = {
  name: "vault",
  what: "vault: every byte flipped, every truncation, 100 crashes and a failing disk in each write",
  must: "its own error; the old or the new vault opens, always",
  run,
};

async function run(conditions: Conditions): Promise<Evidence> {
  const spoilt = await spoil(conditions);
  const codes = [...spoilt.codes.keys()].sort().join(", ");
  const done = `${grouped(spoilt.flips)} flips, ${grouped(spoilt.lengths)} lengths, as accidents and as forgeries`;
  const held = `no change opened; codes: ${codes}`;
  const impossible = faultsImpossible();
  if (impossible !== undefined) return { done, held, skipped: [`crashes and failing disks: ${impossible}`] };
  const { kills, failures, old, fresh } = await sufferAll(conditions);
  return {
    done:
      `${done}; ${grouped(kills)} kills and ${grouped(failures)} failures (EIO, ENOSPC, EROFS, EFBIG, lost tails, ` +
      `flipped bits) at the calls of ${WRITES.length} writes (${WRITES.map(({ name }) => name).join(", ")})`,
    held:
      `${held}; the old vault (or none) was there ${grouped(old)} times, the new one ${grouped(fresh)} times; the next write went ` +
      `well each time, and no file was readable to others or had a secret in the clear`,
  };
}

/** Two vaults: one as it is made, and one that all its changes have gone over. */
async function spoil(conditions: Conditions): Promise<Counts> {
  const random = new Random(conditions.seed, "vault bytes");
  const counts: Counts = { flips: 0, lengths: 0, codes: new Map() };
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "vault bytes "));
  const path = join(folder, "vault.enc");
  const wallet = { entropy: entropyOf(ascii(JUNK)) };
  const bits = conditions.count(1, 8);
  const spoilt = () => SpoiltVault.of(readFileSync(path), () => ascii(PASSPHRASE), counts);
  try {
    using made = await create(path, ascii(PASSPHRASE), { wallet, cost: LOWEST_COST });
    if (conditions.long) {
      await (await spoilt()).flipEveryByte(random, bits);
      await (await spoilt()).everyLength(random);
    }
    await made.change({ ledgerId: "ab".repeat(16), key: Secret.random(32) });
    await made.change({ next: true, newDataKey: true, passphrase: ascii(PASSPHRASE) });
    await (await spoilt()).flipEveryByte(random, bits);
    await (await spoilt()).everyLength(random);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return counts;
}

async function sufferAll(conditions: Conditions) {
  const random = new Random(conditions.seed, "vault writes");
  const labs = await Promise.all(Array.from({ length: LANES }, () => VaultLab.make()));
  const sums = { kills: 0, failures: 0, old: 0, fresh: 0 };
  try {
    for (const write of WRITES) {
      const calls = await labs[0]!.calls(write);
      const todo = [
        ...chosen(random, killsOf(calls), conditions.count(3, 100)),
        ...chosen(random, failuresOf(calls), conditions.count(2, 100)),
      ];
      const lane = async (lab: VaultLab): Promise<void> => {
        for (let fate = todo.pop(); fate !== undefined; fate = todo.pop()) {
          const found = await lab.suffer(write, fate, calls);
          sums[found === "old" ? "old" : "fresh"] += 1;
          sums[isKill(fate) ? "kills" : "failures"] += 1;
        }
      };
      await Promise.all(labs.map(lane));
    }
  } finally {
    for (const lab of labs) await lab.remove();
  }
  return sums;
}

const NO_ERROR = { error: "EIO", andAfter: false } as const;

/** Every way to be killed: before and after each call, and in the middle of each that writes. */
const killsOf = (calls: readonly Call[]): Omit<Fate, "place">[] =>
  calls.flatMap(({ op }, index) => {
    const actions =
      op === "write"
        ? (["killBefore", "tearAndKill", "killAfter"] as const)
        : (["killBefore", "killAfter"] as const);
    return actions.map((action) => ({ at: index + 1, action, ...NO_ERROR }));
  });

const failuresOf = (calls: readonly Call[]): Omit<Fate, "place">[] =>
  calls.flatMap(({ op }, index) => {
    const at = index + 1;
    const errors = (["EIO", "ENOSPC", "EROFS", "EFBIG"] as const).flatMap((error) =>
      [false, true].map((andAfter) => ({ at, action: "fail" as const, error, andAfter })),
    );
    const lies = op === "write" ? (["loseTail", "flip", "short"] as const) : [];
    return [...errors, ...lies.map((action) => ({ at, action, ...NO_ERROR }))];
  });

/** All of them before any of them again, in an order of their own. */
function chosen(random: Random, all: readonly Omit<Fate, "place">[], count: number): Fate[] {
  const fates: Fate[] = [];
  for (let left: Omit<Fate, "place">[] = []; fates.length < count;) {
    if (left.length === 0) left = [...all];
    const [next] = left.splice(random.below(left.length), 1);
    fates.push({ ...next!, place: random.below(2 ** 31) });
  }
  return fates;
}
