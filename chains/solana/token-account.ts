// Where a wallet's tokens are: the associated token account, an address that is worked out and has no key.
// Sources: Solana's documents, "Program derived addresses"; SPL Associated Token Account.
import { hash } from "node:crypto";
import type { TokenProgram } from "../../protocol/assets.ts";
import type { Ed25519 } from "../ed25519.ts";
import { ASSOCIATED_TOKEN, TOKEN_PROGRAM_IDS } from "./programs.ts";

const MARKER = Buffer.from("ProgramDerivedAddress", "ascii");
/** A wallet pays from one account per token, and mostly to the same payees. */
const MOST_KNOWN = 4096;

export class TokenAccounts {
  readonly #ed25519: Ed25519;
  readonly #known = new Map<string, Uint8Array>();

  constructor(ed25519: Ed25519) {
    this.#ed25519 = ed25519;
  }

  /** 32 bytes: the account that holds `mint` for `owner`. Every owner has one, written to the chain or not. */
  of(owner: Uint8Array, mint: Uint8Array, program: TokenProgram): Uint8Array {
    const seeds = Buffer.concat([owner, TOKEN_PROGRAM_IDS[program], mint]);
    const name = seeds.toString("latin1");
    const known = this.#known.get(name);
    if (known) return known;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    const account = this.#derived(seeds);
    this.#known.set(name, account);
    return account;
  }

  /** The first hash that is no point of the curve, and so no public key, counting down from 255. */
  #derived(seeds: Buffer): Uint8Array {
    for (let bump = 255; bump >= 0; bump--) {
      const text = Buffer.concat([seeds, Buffer.from([bump]), ASSOCIATED_TOKEN, MARKER]);
      const address = hash("sha256", text, "buffer");
      if (!this.#ed25519.isPoint(address)) return address;
    }
    throw new RangeError("no address can be derived"); // one in 2^256
  }
}
