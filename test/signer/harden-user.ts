// A user of the signer's own, where the tester is root and may become another; elsewhere the tester itself.
import { lchownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SignerHome } from "../counterparts/signer.ts";

export const IS_ROOT = process.getuid?.() === 0;
/** Nobody else's: no other process runs as this user, those of other test files neither. */
export const ALONE = IS_ROOT ? 61_000 + (process.pid % 4_000) : process.getuid!();

/** What starts a program as this user. */
export const asUser = (uid: number): string[] =>
  IS_ROOT ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"] : [];

/** Gives a folder and all in it to ALONE. */
export function giveAway(folder: string): void {
  if (!IS_ROOT) return;
  for (const name of ["", ...readdirSync(folder, { recursive: true, encoding: "utf8" })])
    lchownSync(join(folder, name), ALONE, ALONE);
}

/** A home of ALONE's, with an account on every rail, whose vault knows its ledger and need not be written to again. */
export async function homeOfItsOwn(): Promise<SignerHome> {
  const home = await SignerHome.ofPhrase();
  const signer = await home.start();
  await signer.unlock();
  await signer.close();
  giveAway(home.folder);
  return home;
}
