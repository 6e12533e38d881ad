// x402-vault addresses: where the wallet pays from, without the passphrase.
import type { Command } from "commander";
import { print, table } from "../terminal.ts";
import { headerAt } from "./header.ts";
import { type VaultOptions, vaultOption } from "./options.ts";

export const addAddresses = (vault: Command): Command =>
  vault
    .command("addresses")
    .description("show the wallet's accounts, as the file says; unlock and check prove it")
    .addOption(vaultOption())
    .action(addresses);

function addresses(options: VaultOptions): void {
  const rows = headerAt(options.vault).accounts.map(({ rail, address, origin, retired }) => {
    return [rail, address, retired ? "retired" : "pays", origin];
  });
  for (const line of table(rows)) print(line);
}
