// x402-policy audit verify: the chain of every row recomputed, the counters recomputed from the rows, and both held
// against what the signer says now and against the newest head this operator has seen.
import type { Command } from "commander";
import { z } from "zod";
import { isOver } from "../../policy/counters.ts";
import { ChainVerifier, CounterReplay, type RowAddition } from "../../protocol/audit.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { AuditRow, Head } from "../../protocol/shapes.ts";
import { keepHead, knownHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable } from "../terminal.ts";
import { type LastPage, readAudit } from "./audit-rows.ts";
import { Lifetimes } from "./lifetimes.ts";

export const addVerify = (audit: Command): Command =>
  audit
    .command("verify")
    .description(
      "prove that no row was changed or lost and that the counters are their sum (exit status 1 when not)",
    )
    .addOption(socketOption())
    .action(verify);

async function verify(options: SocketOptions): Promise<void> {
  try {
    const { head, counters } = await withSigner(options.socket, async (signer) => {
      const proof = new Proof(knownHead());
      const last = await readAudit(signer, (row, head) => {
        proof.add(row, head);
      });
      proof.finish(last);
      return last;
    });
    keepHead(head);
    print(`true: ${head.seq} rows, ${counters.length} counters, head ${head.hash}`);
  } catch (error) {
    if (!(error instanceof X402Error) || !error.code.startsWith("LEDGER_")) throw error;
    print(`not true: ${printable(error.message)}`);
    process.exitCode = 1;
  }
}

const bodySchema = z.looseObject({
  kind: z.string(),
  at: z.number(),
  add: z.array(z.tuple([z.string(), z.int(), z.string()])).optional(),
  session: z.string().optional(),
  endsAt: z.number().optional(),
});

/** Takes rows in order. Every method throws LEDGER_DAMAGED or LEDGER_BEHIND when something is not true. */
class Proof {
  readonly #known: Head | undefined;
  readonly #replay = new CounterReplay();
  readonly #lifetimes = new Lifetimes();
  #chain: ChainVerifier | undefined;
  #at = 0;

  constructor(known: Head | undefined) {
    this.#known = known;
  }

  add(row: AuditRow, { ledger }: Head): void {
    this.#chain ??= new ChainVerifier(ledger);
    this.#chain.add(row);
    if (row.seq === this.#known?.seq && row.hash !== this.#known.hash) {
      throw new X402Error("LEDGER_DAMAGED", `row ${row.seq} is not the one that was seen before`);
    }
    const body = bodySchema.parse(JSON.parse(row.body));
    this.#replay.add(body.add ?? []);
    this.#lifetimes.add(row.seq, body);
    this.#at = body.at;
  }

  finish({ head, counters }: LastPage): void {
    if (this.#chain?.endsAt(head) !== true)
      throw new X402Error("LEDGER_DAMAGED", "its head is not its last row");
    if (this.#known && this.#known.ledger !== head.ledger) {
      throw new X402Error("LEDGER_DAMAGED", "it is not the ledger that was seen before");
    }
    if (this.#known && this.#known.seq > head.seq) {
      throw new X402Error("LEDGER_BEHIND", `row ${this.#known.seq} was seen, and it ends at row ${head.seq}`);
    }
    this.#forgetEnded(counters);
    this.#replay.expect(counters);
  }

  /** A counter whose window can never be read again may be gone from the cache; the rows that made it are not. */
  #forgetEnded(counters: readonly RowAddition[]): void {
    const present = new Set(counters.map(([key, bucket]) => `${key}\n${bucket}`));
    for (const id of this.#replay.totals.keys()) {
      const [key = "", bucket] = id.split("\n");
      const over =
        isOver(key, Number(bucket), this.#at) || this.#lifetimes.ended(key, Number(bucket), this.#at);
      if (over && !present.has(id)) this.#replay.totals.delete(id);
    }
  }
}
