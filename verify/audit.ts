// The whole verification: takes the header, every row in order and the end, and says what is true. Throws Untrue at the
// first thing that is not. docs/ledger.md says what each check means.
import { Chain } from "./chain.ts";
import { Counters } from "./counters.ts";
import type { End, Header, Row } from "./export-file.ts";
import { Payments } from "./payments.ts";
import { type Known, Proofs } from "./proofs.ts";
import { type Report, reportOf } from "./report.ts";
import { Standing } from "./standing.ts";
import { type JsonObject, textOf } from "./text.ts";
import { Untrue } from "./untrue.ts";
import { isOver } from "./windows.ts";

/** What this version knows. Others are chained, counted and named in the report. */
const KINDS: readonly string[] = [
  ...[
    "ledger.created",
    "ledger.migrated",
    "ledger.accepted",
    "ledger.restored",
    "signer.started",
    "checkpoint",
  ],
  ...[
    "vault.unlocked",
    "vault.resumed",
    "vault.locked",
    "policy.applied",
    "session.opened",
    "session.closed",
  ],
  ...[
    "price.set",
    "agent.frozen",
    "agent.unfrozen",
    "payment.reserved",
    "payment.redrafted",
    "payment.declined",
  ],
  ...["payment.settled", "payment.released"],
  ...["payment.held", "payment.approved", "payment.denied", "payment.lapsed"],
];

export class Audit {
  readonly kinds = new Map<string, number>();
  readonly policies: { readonly row: number; readonly version: number; readonly hash: string }[] = [];
  readonly chain: Chain;
  readonly standing: Standing;
  readonly counters = new Counters();
  readonly payments: Payments;
  readonly proofs: Proofs;
  readonly #header: Header;

  constructor(header: Header, known: Known = {}) {
    this.#header = header;
    this.chain = new Chain(header.ledger);
    this.standing = new Standing(header.ledger);
    this.payments = new Payments(this.standing, this.counters);
    this.proofs = new Proofs(header.ledger, known);
  }

  row(row: Row): void {
    const previous = this.chain.head.hash;
    const body = this.chain.add(row);
    if (body) this.#apply(row.seq, body, previous);
    this.proofs.row(row.seq, row.hash, body, this.standing.auditKey);
  }

  end({ head, counters, seal }: End): Report {
    this.chain.end();
    const last = this.chain.head;
    if (head.ledger !== last.ledger || head.seq !== last.seq || head.hash !== last.hash)
      throw new Untrue(`its head is row ${head.seq}, which is not its last row`);
    const { auditKey } = this.standing;
    if (this.#header.key !== auditKey)
      throw new Untrue("the first line names another key than the newest unlock");
    this.counters.expect(counters);
    this.proofs.end(head, this.counters.hash(), seal, auditKey, (seq) => this.chain.isLost(seq));
    this.#acceptedUnderSignature();
    return reportOf(this);
  }

  /** Accepting begins the sums anew, and may explain away what was signed: with a given key it must be signed itself. */
  #acceptedUnderSignature(): void {
    const { keyIsGiven, signedUpTo } = this.proofs;
    const bare = keyIsGiven && this.chain.accepted.find(({ row }) => row > signedUpTo);
    if (bare) throw new Untrue("accepts a loss, and nothing behind it is signed by the given key", bare.row);
  }

  #apply(row: number, body: JsonObject, previous: string): void {
    const kind = textOf(body["kind"]);
    const name = KINDS.includes(kind) ? kind : `unknown: ${kind.slice(0, 40)}`;
    this.kinds.set(name, (this.kinds.get(name) ?? 0) + 1);
    this.standing.apply(row, body, this.chain.isSound);
    if (kind === "ledger.accepted") this.counters.reset(body["counters"], row);
    if (kind === "ledger.accepted") this.payments.endHolds();
    // Behind a damaged row no sum is known until the operator's acceptance says what all of them are.
    if (!this.chain.isSound) {
      this.payments.note(row, body);
      return;
    }
    const add = this.counters.add(body, row, !this.standing.isOld);
    this.payments.apply(row, body, add);
    if (kind === "policy.applied") this.#applied(row);
    if (kind === "checkpoint") this.#checkpoint(row, body, previous);
  }

  #applied(row: number): void {
    const { policy } = this.standing;
    if (policy) this.policies.push({ row, version: policy.version, hash: policy.hash });
  }

  #checkpoint(row: number, body: JsonObject, previous: string): void {
    const { standing, counters } = this;
    counters.forget((key, bucket) => isOver(key, bucket, standing.at) || standing.hasEnded(key, bucket));
    standing.forgetEnded();
    if (body["counters"] !== counters.hash())
      throw new Untrue("the counters are not the sum of the rows before it", row);
    if (body["sig"] !== undefined) this.proofs.checkpoint(row, previous, body, standing.auditKey);
    else if (standing.unlock && !standing.isOld)
      throw new Untrue("is not signed, although the signer was unlocked", row);
  }
}
