// What somebody else remembers or has signed: checkpoints and the seal by the audit key, heads that were seen, receipts.
import { type Head, isKey } from "./export-file.ts";
import { type Jws, readJws } from "./jws.ts";
import { receiptOf } from "./receipt.ts";
import { type JsonObject, canonical, isCount, isHash, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";

export interface Known {
  /** Public audit keys in base64url, from whoever owns the wallet. Without one the file's own word is taken. */
  readonly keys?: readonly string[];
  /** Positions that somebody has seen. */
  readonly heads?: readonly Head[];
  /** Compact JWS. */
  readonly receipts?: readonly string[];
}

interface Receipt {
  readonly jws: Jws;
  readonly seq: number;
}

export class Proofs {
  readonly #ledger: string;
  readonly #keys: readonly string[];
  readonly #heads: readonly Head[];
  readonly #receipts: readonly Receipt[];
  /** Row up to which everything is under a signature that counts. */
  signedUpTo = 0;
  checkpoints = 0;
  sealed = false;
  /** The key of the newest signature. */
  key: string | undefined;
  readonly proved: { readonly what: "head" | "receipt"; readonly seq: number }[] = [];

  constructor(ledger: string, { keys = [], heads = [], receipts = [] }: Known) {
    this.#ledger = ledger;
    this.#keys = keys;
    this.#heads = heads;
    this.#receipts = receipts.map((text) => this.#readReceipt(text));
    const foreign = [...heads, ...this.#receipts.map(({ jws }) => jws.payload)].find(
      (one) => one["ledger"] !== ledger,
    );
    if (foreign) throw new Untrue(`this is ledger ${ledger}, and what is to be proved is of another`);
  }

  get keyIsGiven(): boolean {
    return this.#keys.length > 0;
  }

  /** A checkpoint and its signature by the key of the unlock that holds, or held last. */
  checkpoint(
    row: number,
    previous: string,
    { at, counters, sig }: JsonObject,
    key: string | undefined,
  ): void {
    const payload = { ledger: this.#ledger, seq: row, previous, counters: counters ?? null, at: at ?? null };
    if (
      this.#isSigned(
        readJws(textOf(sig), "the checkpoint's signature", row),
        "x402-checkpoint",
        payload,
        key,
        row,
      )
    )
      this.signedUpTo = row;
    this.checkpoints += 1;
  }

  /** Heads and receipts that are about this row. Throws Untrue when they say something else. */
  row(row: number, hash: string, body: JsonObject | undefined, key: string | undefined): void {
    for (const head of this.#heads) if (head.seq === row) this.#seen(row, head.hash === hash, "head");
    for (const { jws, seq } of this.#receipts) {
      if (seq !== row) continue;
      const wanted = body && canonical(receiptOf({ ledger: this.#ledger, seq: row, hash }, body));
      this.#seen(row, canonical(jws.payload) === wanted, "receipt");
      const keys = this.keyIsGiven ? this.#keys : [key ?? ""];
      if (jws.type !== "x402-receipt" || !keys.some((one) => isKey(one) && jws.isBy(one)))
        throw new Untrue("the receipt is not signed by the audit key", row);
    }
  }

  /** After the last row; `lost` tells whether a position is one that was accepted as lost. */
  end(
    head: Head,
    counters: string,
    seal: string | undefined,
    key: string | undefined,
    lost: (seq: number) => boolean,
  ): void {
    if (seal !== undefined) {
      const jws = readJws(seal, "the seal");
      const { at } = jws.payload;
      if (!isCount(at)) throw new Untrue("the seal has no time");
      if (this.#isSigned(jws, "x402-seal", { ...head, counters, at }, key)) this.signedUpTo = head.seq;
      this.sealed = true;
    }
    const behind = [...this.#heads, ...this.#receipts].find(({ seq }) => seq > head.seq);
    if (behind) throw new Untrue(`row ${behind.seq} was seen, and the record ends at row ${head.seq}`);
    const missing = [...this.#heads, ...this.#receipts].find(({ seq }) => lost(seq));
    if (missing)
      throw new Untrue(`row ${missing.seq} is one of those that were lost, so it proves nothing here`);
    if (this.keyIsGiven && this.signedUpTo === 0)
      throw new Untrue("nothing in the file is signed by the given key");
  }

  #seen(row: number, same: boolean, what: "head" | "receipt"): void {
    if (!same) throw new Untrue(`is not the one that the ${what} names`, row);
    this.proved.push({ what, seq: row });
  }

  /** True for a signature that counts; one by a key that is not the given one is checked, and does not. */
  #isSigned(jws: Jws, type: string, payload: JsonObject, key: string | undefined, row?: number): boolean {
    const right = jws.type === type && canonical(jws.payload) === canonical(payload);
    if (!right || key === undefined || !jws.isBy(key))
      throw new Untrue(`the ${type} is not signed for what is here`, row);
    if (this.keyIsGiven && !this.#keys.includes(key)) return false;
    this.key = key;
    return true;
  }

  #readReceipt(text: string): Receipt {
    const jws = readJws(text.trim(), "the receipt");
    const { seq, hash } = jws.payload;
    if (jws.type !== "x402-receipt" || !isCount(seq) || !isHash(hash))
      throw new Untrue("the receipt is none");
    return { jws, seq };
  }
}
