// The vault that this signer was last unlocked with, from the record: what is known of it while locked.
import type { publicAccount } from "./keyring.ts";
import type { Ledger } from "./ledger/ledger.ts";

export interface KnownVault {
  readonly vault: string;
  readonly generation: number;
  readonly accounts: readonly ReturnType<typeof publicAccount>[];
  /** The public half of its audit key, in base64url; absent in rows of schema 1. */
  readonly auditKey?: string;
}

export function knownVault(ledger: Ledger): KnownVault | undefined {
  const select = ledger.select("SELECT value FROM meta WHERE key = 'unlocked'").get() as
    { value: string } | undefined;
  if (!select) return undefined;
  const body = JSON.parse(ledger.body(Number(select.value))) as KnownVault | { vault: KnownVault };
  // A row that unlocked with it, or one by which the operator accepted it.
  return typeof body.vault === "string" ? (body as KnownVault) : body.vault;
}
