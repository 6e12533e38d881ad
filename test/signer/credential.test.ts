// The unattended unlock: restarts go on with one and the same, and what has ended stays ended.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DaemonOptions } from "../../signer/daemon.ts";
import { encodeCredential } from "../../vault/credential.ts";
import { writeCredential } from "../counterparts/credential.ts";
import { COMMAND, type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { LedgerRecord } from "./record.ts";

let home: SignerHome;
let file: string;
let log = "";

beforeEach(async () => {
  home = await SignerHome.make();
  file = join(home.folder, "x402-unlock");
  log = "";
  // The vault learns its ledger from a person's unlock.
  const first = await home.start();
  await first.unlock();
  await first.apply(document());
  await first.close();
});

afterEach(() => {
  home.remove();
});

const start = (options: Partial<DaemonOptions> = {}): Promise<Signer> =>
  home.start({ credential: file, log: (lines) => (log += lines), ...options });

const spendLeft = async (signer: Signer) => (await signer.status()).unlock?.spendLeft;
/** With every check of x402-audit-verify. */
const rowsOf = async ({ operator }: Pick<Signer, "operator">, kind: string) => {
  const { rows } = await LedgerRecord.read(operator);
  return rows.filter((row) => row.kind === kind);
};

describe("a credential", () => {
  it("unlocks at the start, and a restart goes on with what is left", async () => {
    writeCredential(home, { spend: 30_000n, count: 100n });
    for (const left of ["0.03", "0.02", "0.01"]) {
      const signer = await start();
      expect(await spendLeft(signer)).toBe(left);
      expect(await outcomeOf(signer.sign(intent(left.replace(".", "-"))))).toBe("signed");
      await signer.close();
    }
    const spent = await start();
    expect((await spent.status()).state).toBe("locked");
    expect(log).toContain('"event":"credential.refused","code":"CREDENTIAL_ENDED"');
    await spent.close();
  });

  it("that was spent is worth nothing until the operator makes a new one", async () => {
    writeCredential(home, { count: 1n });
    const signer = await start();
    expect(await outcomeOf(signer.sign(intent("one")))).toBe("signed");
    await signer.close();
    const again = await start();
    expect(await outcomeOf(again.sign(intent("two")))).toBe("SIGNER_LOCKED");
    await again.close();
    writeCredential(home, { count: 1n });
    const renewed = await start();
    expect(await outcomeOf(renewed.sign(intent("two")))).toBe("signed");
    await renewed.close();
  });

  it("goes on after a kill as after a stop", async () => {
    writeCredential(home, { count: 3n });
    const args = ["--credential", file];
    for (const [left, name] of [
      [3, "a"],
      [2, "b"],
    ] as const) {
      const signer = await home.spawn({ args, entry: COMMAND });
      expect((await signer.status()).unlock?.countLeft).toBe(left);
      expect(await outcomeOf(signer.sign(intent(name)))).toBe("signed");
      await signer.kill("SIGKILL");
    }
    const last = await home.spawn({ args, entry: COMMAND });
    expect((await last.status()).unlock?.countLeft).toBe(1);
    expect((await rowsOf(last, "vault.resumed")).length).toBe(2);
    await last.close();
  });

  it("is ended for good by the operator's lock, also while it waits", async () => {
    writeCredential(home);
    const signer = await start();
    await signer.lock();
    await signer.close();
    const locked = await start();
    expect((await locked.status()).state).toBe("locked");
    await locked.close();

    writeCredential(home);
    await (await start()).close();
    const without = await start({ credential: join(home.folder, "none") });
    expect((await without.status()).state).toBe("locked");
    await without.lock();
    await without.close();
    const after = await start();
    expect((await after.status()).state).toBe("locked");
    await after.close();
  });

  it("is over when a person unlocks in its place", async () => {
    writeCredential(home, { count: 5n });
    const signer = await start();
    await signer.unlock({ count: 2 });
    expect((await signer.status()).unlock?.countLeft).toBe(2);
    await signer.close();
    const after = await start();
    expect((await after.status()).state).toBe("locked");
    await after.close();
  });

  it("begins no second unlock while the first is on record, whatever the file says its limits are", async () => {
    writeCredential(home, { count: 2n });
    await (await start()).close();
    const signer = await start();
    expect((await rowsOf(signer, "vault.unlocked")).filter((row) => "credential" in row)).toHaveLength(1);
    await signer.close();
  });
});

describe("a file that is no credential of this signer", () => {
  const refused = async (code: string): Promise<void> => {
    const signer = await start();
    expect((await signer.status()).state).toBe("locked");
    expect(log).toContain(`"event":"credential.refused","code":"${code}"`);
    await signer.close();
  };

  it("leaves it locked, and says why: damaged, another vault's, an old one, open to others", async () => {
    writeFileSync(file, "hello", { mode: 0o600 });
    await refused("VAULT_DAMAGED");

    const other = await SignerHome.make();
    const { sealed, key } = other.vault.signingPart();
    using foreign = encodeCredential({ id: "00".repeat(16), key, sealed });
    foreign.use((all) => {
      writeFileSync(file, all);
    });
    await refused("VAULT_OTHER_LEDGER");
    other.remove();

    writeCredential(home);
    await home.vault.change({});
    const newer = await home.start();
    await newer.unlock();
    await newer.close();
    await refused("VAULT_REPLACED");

    writeCredential(home);
    chmodSync(file, 0o644);
    await refused("VAULT_UNSAFE_FILE");
  });

  it("is nothing when it is not there", async () => {
    const signer = await start();
    expect((await signer.status()).state).toBe("locked");
    expect(log).not.toContain("credential.refused");
    await signer.close();
  });
});
