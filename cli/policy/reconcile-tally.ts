// What became of each payment, told line by line, and the sums at the end.
import { formatUsd, parseUsd } from "../../protocol/amount.ts";
import type { Doubt, Judged, ReconcileResult, Unresolved } from "../../protocol/finding.ts";
import { type Caip2, nameOf } from "../../protocol/networks.ts";
import { print, printable, say } from "../terminal.ts";

type Line = Judged & Pick<Unresolved, "network" | "usd"> & { readonly because?: string };

export class Tally {
  readonly #write: (line: Line) => void;
  readonly #counts = { released: 0, settled: 0, left: 0 };
  readonly #leftOut = new Set<Caip2>();
  #released = 0n;
  #answer: ReconcileResult | undefined;

  constructor(asJson: boolean) {
    this.#write = asJson ? printJson : printText;
  }

  add({ agent, id, network, usd }: Unresolved, answer: ReconcileResult | undefined): void {
    const judged = answer?.results.find((result) => result.agent === agent && result.id === id);
    const { outcome, why } = judged ?? { outcome: "left" as const };
    const because = judged ? why && REASONS[why] : "too few endpoints answer for this network";
    this.#answer = answer ?? this.#answer;
    this.#counts[outcome] += 1;
    if (outcome === "released") this.#released += parseUsd(usd);
    this.#write({ agent, id, network, usd, outcome, ...(why && { why }), ...(because && { because }) });
  }

  /** Payments that the signer cannot describe. */
  leaveOut(networks: readonly Caip2[]): void {
    for (const network of networks) this.#leftOut.add(network);
  }

  /** Sets the exit status: 1 when something is left. */
  finish(): void {
    for (const network of this.#leftOut) {
      say(`payments on ${printable(nameOf(network))} are left out: the signer has not loaded its rail`);
      process.exitCode = 1;
    }
    const { released, settled, left } = this.#counts;
    if (released + settled + left + this.#leftOut.size === 0) {
      say("nothing to look up: no payment has expired unresolved");
      return;
    }
    say(`${released} released (${formatUsd(this.#released)} USD), ${settled} settled, ${left} left`);
    const today = this.#answer?.released;
    if (today) say(`${today.today} of ${today.limit} USD (maxReleasePerDay) were released today, in UTC`);
    if (left > 0) process.exitCode = 1;
  }
}

const REASONS: Readonly<Record<Doubt, string>> = {
  unknown: "the signer does not know it",
  final: "it was resolved meanwhile",
  alive: "it was signed again meanwhile",
  "wrong-network": "an endpoint serves another chain",
  "not-finalized": "the block is not final",
  "too-early": "an endpoint's newest final block is before its end, or not long enough behind it: wait",
  "no-event": "it was used or cancelled, and no event tells which",
  "no-block": "no final block has the hash that it names: it may be of another cluster",
  contradiction: "an endpoint contradicts itself",
  "one-endpoint": "fewer than two endpoints prove it",
  disagreement: "the endpoints do not agree",
  "rows-lost": "rows of the ledger were lost after it, which may have given it back",
  "rail-not-loaded": "the signer has not loaded the rail of this network",
  "too-many-drafts": "it was signed again too often to be judged",
  limit: "it would pass the policy's maxReleasePerDay",
};

const printJson = (line: Line): void => {
  print(JSON.stringify(line));
};

const printText = ({ outcome, agent, usd, network, id, because }: Line): void => {
  const parts = [outcome.padEnd(8), agent, `${usd} USD`, nameOf(network), id, because ?? ""];
  print(parts.map(printable).join("  ").trimEnd());
};
