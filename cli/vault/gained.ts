// What a vault gained without being asked: one that was made before a rail was known has no account there, but its phrase does.
import type { Account } from "../../vault/format.ts";
import { say, table } from "../terminal.ts";

export function sayGained(gained: readonly Account[]): void {
  if (gained.length === 0) return;
  say(
    "The vault's phrase has an account on other rails, too. They are in the vault now, under the same words:",
  );
  const rows = gained.map(({ rail, address, origin }) => [`  ${rail}`, address, origin]);
  for (const line of table(rows)) say(line);
}
