// A private folder for one test file, and a vault at the lowest cost.
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openSigning, sealFile, sealSigning } from "../../vault/content.ts";
import { decode } from "../../vault/format.ts";
import { LOWEST_COST } from "../../vault/kdf.ts";
import { entropyOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { type OpenVault, create } from "../../vault/vault.ts";
import { unwrap } from "../../vault/wrap.ts";

export const JUNK = "test test test test test test test test test test test junk";
export const JUNK_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const JUNK_SOLANA = "oeYf6KAJkLYhBuR8CiGc6L4D4Xtfepr85fuDgA9kq96";
export const JUNK_CARDANO =
  "addr1qy4jrrcfzylccwgqu3su865es52jkf7yzrdu9cw3z84nycnn3zz9lvqj7vs95tej896xkekzkufhpuk64ja7pga2g8kswl6kh2";
export const PASSPHRASE = "correct horse battery";

export const ascii = (text: string): Secret => Secret.take(Buffer.from(text, "latin1"));
export const textOf = (secret: Secret): string =>
  secret.use((bytes) => Buffer.from(bytes).toString("latin1"));

/** What a command prints of a vault of the junk phrase, but for accounts that are named. */
export const paying = (but: { evm?: string; solana?: string; cardano?: string } = {}): string =>
  [
    `evm      ${but.evm ?? JUNK_ADDRESS}`,
    `solana   ${but.solana ?? JUNK_SOLANA}`,
    `cardano  ${but.cardano ?? JUNK_CARDANO}`,
    "",
  ].join("\n");

/** A 0700 folder that goes when the file's tests are done. */
export function privateFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "x402 vault "));
  chmodSync(folder, 0o700);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export const createJunk = (path: string): Promise<OpenVault> =>
  create(path, ascii(PASSPHRASE), { wallet: { entropy: entropyOf(ascii(JUNK)) }, cost: LOWEST_COST });

/** The same as it was written before there were other rails: the phrase's EVM account, and nothing else. */
export async function createOld(path: string, ledgerId?: string): Promise<void> {
  (await createJunk(path)).close();
  const { file } = decode(readFileSync(path));
  const dataKey = await unwrap(file, ascii(PASSPHRASE));
  const part = openSigning(file, dataKey);
  const named = ledgerId === undefined ? {} : { ledgerId };
  const isEvm = ({ rail }: { readonly rail: string }): boolean => rail === "evm";
  const signing = sealSigning({ ...part, ...named, accounts: part.accounts.filter(isEvm) }, dataKey);
  const header = { ...file.header, ...named, accounts: file.header.accounts.filter(isEvm) };
  writeFileSync(path, sealFile({ ...file, header, signing }, dataKey));
}
