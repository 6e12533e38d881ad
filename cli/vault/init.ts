// x402-vault init: a new wallet. The words come before the vault, so that nothing exists that nobody wrote down.
import { rmSync } from "node:fs";
import { randomInt } from "node:crypto";
import type { Command } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { phraseOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { assertVacant, create } from "../../vault/vault.ts";
import { askBytes, rubOut, show, terminalSize } from "../prompt.ts";
import { print, printable, say } from "../terminal.ts";
import { type CostOptions, type PassphraseOptions, type VaultOptions } from "./options.ts";
import { costOption, defaultVault, passphraseOption, vaultOption } from "./options.ts";
import { newPassphrase } from "./passphrase.ts";
import { writeSecret } from "./secret-file.ts";

type Options = VaultOptions & PassphraseOptions & CostOptions & { wordsTo?: string };

const ENTROPY_BYTES = 32; // 24 words
const ASKED_BACK = 3;
const TRIES = 3;

export const addInit = (vault: Command): Command =>
  vault
    .command("init")
    .description("make a new wallet and its vault; shows 24 recovery words once and asks some of them back")
    .addOption(vaultOption())
    .addOption(passphraseOption())
    .option("--words-to <file>", "write the words to a new private file instead of showing and asking them")
    .addOption(costOption())
    .action(init);

async function init(options: Options): Promise<void> {
  assertVacant(options.vault);
  if (options.wordsTo === undefined) gridColumns(); // before any work: is there room for the words?
  using passphrase = await newPassphrase(options.passphraseFile);
  using entropy = Secret.random(ENTROPY_BYTES);
  using phrase = phraseOf(entropy);
  if (options.wordsTo === undefined) await teach(phrase);
  else writeSecret(options.wordsTo, [phrase, "\n"]);
  try {
    using made = await create(options.vault, passphrase, { wallet: { entropy }, cost: options.kdf });
    print(made.addresses[0]?.address);
  } catch (error) {
    if (options.wordsTo !== undefined) rmSync(options.wordsTo, { force: true });
    throw error;
  }
  sayNext(options);
}

export function sayNext({ vault }: VaultOptions): void {
  say(`The vault is ${printable(vault)}. Fund the address above, then:`);
  say("  npx x402-signer         in a terminal of its own");
  const other = vault === defaultVault() ? "" : ` --vault '${printable(vault)}'`;
  say(`  npx x402-vault unlock${other}`);
  say("  npx x402-policy init");
}

/** Shows the words, rubs them out, and asks for three of them. Throws ABORTED after three wrong answers. */
async function teach(phrase: Secret): Promise<void> {
  const words = phrase.use(split);
  say("These 24 words are the wallet: whoever has them has the money. Write them on paper, in order.");
  say("They are shown once. Nobody will ever ask you for them, except this command, now.");
  const columns = gridColumns();
  show(...grid(words, columns));
  (await askBytes(WRITTEN)).wipe();
  rubOut(words.length / columns + 1);
  let wrong = 0;
  for (const at of positions(words.length)) {
    while (!(await knows(words, at))) {
      if (++wrong === TRIES) throw new X402Error("ABORTED", "the words were not confirmed");
      say("That is not it. Look at your paper.");
    }
  }
  for (const word of words) word.wipe();
}

async function knows(words: readonly Secret[], at: number): Promise<boolean> {
  using typed = await askBytes(`Word ${at + 1}: `);
  using answer = typed.use(tidy);
  return words[at]?.equals(answer) ?? false;
}

const WRITTEN = "Enter when they are written down: ";
const WORDS = 24;
const COLUMNS = [4, 3, 2]; // each divides 24
const NUMBER = 5;
const WIDTH = 10; // the longest word has eight letters

/**
 * How many words stand in a line. What wraps or scrolls away cannot be rubbed out, so a terminal without room for all of
 * them gets none: throws USAGE.
 */
function gridColumns(): number {
  const { columns: width = 80, rows = 24 } = terminalSize();
  const fits = (columns: number) =>
    Math.max(columns * (NUMBER + WIDTH), WRITTEN.length) < width && WORDS / columns + 1 < rows;
  const columns = COLUMNS.find(fits);
  if (columns !== undefined) return columns;
  throw new X402Error("USAGE", `a terminal of ${width} columns and ${rows} lines has no room for the words`, {
    hint: "make it 80 columns and 24 lines, or write the words to a file: --words-to",
  });
}

function grid(words: readonly Secret[], columns: number): (string | Secret)[] {
  return words.flatMap((word, at) => {
    const end = at % columns === columns - 1 ? "\n" : " ".repeat(WIDTH - word.length);
    return [`${String(at + 1).padStart(NUMBER - 1)} `, word, end];
  });
}

/** Three different positions, in order. */
function positions(count: number): number[] {
  const chosen = new Set<number>();
  while (chosen.size < ASKED_BACK) chosen.add(randomInt(count));
  return [...chosen].sort((a, b) => a - b);
}

const SPACE = " ".charCodeAt(0);

function split(phrase: Uint8Array): Secret[] {
  const words: Secret[] = [];
  for (let start = 0; start < phrase.length;) {
    const space = phrase.indexOf(SPACE, start);
    const end = space === -1 ? phrase.length : space;
    words.push(Secret.take(phrase.slice(start, end)));
    start = end + 1;
  }
  return words;
}

/** Lower case, without what is no letter. */
const tidy = (typed: Uint8Array): Secret =>
  Secret.take(typed.map((byte) => byte | 0x20).filter((byte) => byte >= 97 && byte <= 122));
