// A ledger that version 0.1.0 wrote (schema 1), with its vault: two payments, "first" and "second", an hour apart.
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SignerHome } from "../counterparts/signer.ts";

const FOLDER = fileURLToPath(new URL("ledger-v1", import.meta.url));

/** Unix ms of its last payment; with the validity of a minute. */
export const OLD_LEDGER_ENDS = Date.parse("2026-11-20T13:00:00Z");

export const OLD_SIGNATURE =
  "0x3627b7f0631262c26a208b4b41e7c7996f790c6988fd5297c8fbeca1533c29db52f72a9a612470c6963f52959175f4f36a4a06dc4150c623da05adf6000159981b";

export const oldFile = (name: string): string => join(FOLDER, name);

/** A home with a copy of it. */
export async function oldHome(): Promise<SignerHome> {
  const home = await SignerHome.make(readFileSync(oldFile("vault.enc")));
  mkdirSync(home.state, { mode: 0o700 });
  for (const name of ["ledger.db", "head"]) copyFileSync(oldFile(name), join(home.state, name));
  return home;
}
