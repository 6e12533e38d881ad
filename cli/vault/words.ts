// The 24 words of a new phrase: written down before anything rests on them, so that no wallet exists that nobody has.
import { rmSync } from "node:fs";
import { randomInt } from "node:crypto";
import { X402Error } from "../../protocol/errors.ts";
import { evmAccounts } from "../../vault/evm-account.ts";
import { phraseOf } from "../../vault/phrase.ts";
import { Secret } from "../../vault/secret.ts";
import { readHeader } from "../../vault/vault.ts";
import { askBytes, rubOut, show, terminalSize } from "../prompt.ts";
import { say } from "../terminal.ts";
import type { VaultOptions } from "./options.ts";
import { writeSecret } from "./secret-file.ts";

export interface WordsOptions {
  wordsTo?: string;
}

const ENTROPY_BYTES = 32; // 24 words

/** Before any other question. Throws USAGE for a terminal without room for the words, or none at all. */
export function assertRoomForWords({ wordsTo }: WordsOptions): void {
  if (wordsTo === undefined) gridColumns();
}

/**
 * Makes a phrase, has it written down, and calls `use` with its entropy. When that fails, no file of words stays whose
 * vault was not made.
 */
export async function withNewPhrase(
  { vault, wordsTo }: VaultOptions & WordsOptions,
  use: (entropy: Secret) => Promise<unknown>,
): Promise<void> {
  using entropy = Secret.random(ENTROPY_BYTES);
  using phrase = phraseOf(entropy);
  if (wordsTo === undefined) await teach(phrase);
  else writeSecret(wordsTo, [phrase, "\n"]);
  try {
    await use(entropy);
  } catch (error) {
    if (wordsTo !== undefined && !isUsed(vault, entropy)) rmSync(wordsTo, { force: true });
    throw error;
  }
}

/** Whether the vault on disk has the phrase's account, also when what wrote it there failed afterwards. */
function isUsed(vault: string, entropy: Secret): boolean {
  const { address, key } = evmAccounts.fromPhrase(entropy, 0);
  key.wipe();
  try {
    return readHeader(vault).accounts.some((account) => account.address === address);
  } catch (error) {
    return !(error instanceof X402Error && error.code === "VAULT_MISSING");
  }
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

const ASKED_BACK = 3;
const TRIES = 3;
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
