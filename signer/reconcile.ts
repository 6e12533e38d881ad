// Given back only on proof. A desk brings what endpoints say of a chain; the signer cannot look for itself, so it
// believes what at least two of them agree on, of a payment that our own clock calls expired, and gives back at most
// what the policy allows for a day: if all of them lie, that is what it costs, and it is on record.
//
// Released and settled are final: no draft of the intent is signed again.
import type { Rail } from "../chains/rail.ts";
import { isOver } from "../policy/counters.ts";
import type { Addition } from "../policy/evaluate.ts";
import { releasedCounter } from "../policy/limits.ts";
import { type MicroUsd, formatUsd } from "../protocol/amount.ts";
import type { Doubt, Finding, Judged, ReconcileResult } from "../protocol/finding.ts";
import { railOf } from "../protocol/networks.ts";
import { countedFor } from "./decide.ts";
import { type ReservedBody, readReserved } from "./ledger/rows.ts";
import { unresolvedKey } from "./ledger/unresolved.ts";
import type { Stored } from "./ledger/verdict.ts";
import type { Wallet } from "./wallet.ts";

const ENDPOINTS_NEEDED = 2;
/** An agent may ask for a new one each time the last is over; all are read and judged while others wait. */
const MOST_DRAFTS = 100;

/** `fields`: more for the rows, such as who asked. On disk when it returns. Throws CLOCK_BEHIND. */
export function reconcile(
  wallet: Wallet,
  findings: readonly Finding[],
  fields: object = {},
): ReconcileResult {
  const payments = Map.groupBy(findings, ({ agent, id }) => `${agent}\n${id}`);
  const results = [...payments.values()].map((group) => judgeOne(wallet, group, fields));
  const { limit, today } = releases(wallet);
  return {
    results,
    released: { limit: formatUsd(limit), today: formatUsd(today) },
    head: wallet.ledger.head(),
  };
}

function judgeOne(wallet: Wallet, findings: readonly Finding[], fields: object): Judged {
  const { agent, id } = findings[0] as Finding;
  const stored = wallet.ledger.find(agent, id);
  const verdict = stored ? verdictOn(wallet, stored, findings) : "unknown";
  if (!stored || (verdict !== "dead" && verdict !== "used")) {
    return { agent, id, outcome: "left", why: verdict as Doubt };
  }
  const outcome = verdict === "dead" ? "released" : "settled";
  const add = outcome === "released" ? givenBack(wallet, stored) : [resolved(stored)];
  const { usd } = stored.newest;
  const seen = findings.map(({ endpoint, block, seen }) => ({ endpoint, block, seen }));
  const row = { agent, id, usd, ...fields, findings: seen };
  wallet.ledger.record(`payment.${outcome}`, row, add, (db) => {
    db.prepare("UPDATE payments SET state = ? WHERE agent = ? AND id = ?").run(outcome, agent, id);
  });
  return { agent, id, outcome };
}

function verdictOn(wallet: Wallet, stored: Stored, findings: readonly Finding[]): Proof {
  const { network, expires, usd } = stored.newest;
  if (stored.state !== "reserved") return "final";
  if (expires * 1000 > wallet.ledger.now()) return "alive";
  if (findings.some((finding) => finding.network !== network)) return "wrong-network";
  const rail = wallet.rails.get(railOf(network) ?? "");
  if (!rail) return "rail-not-loaded";
  const drafts = draftsOf(wallet, rail, stored.newest);
  if (!drafts) return "too-many-drafts";
  const verdict = agreement(findings, (finding) => proofOf(rail, drafts, finding));
  // Rows that are lost may have given it back already, or drafted it again with a later end.
  if (verdict === "dead" && wasLostSince(wallet, stored.reservation.fields.seq)) return "rows-lost";
  const { limit, today } = releases(wallet);
  return verdict === "dead" && today + BigInt(usd) > limit ? "limit" : verdict;
}

const wasLostSince = ({ ledger }: Wallet, seq: number): boolean =>
  ledger.accepted.some((row) => row.seq > seq && row.code.startsWith("LEDGER_"));

type Proof = "dead" | "used" | Doubt;

/**
 * What is to be proved dead of an intent, newest first. Drafts with one nonce (EVM) are one, and the newest of them is over
 * last. Drafts that share an input (Cardano) are transactions of their own: an older one may have been used before the
 * newest was made, which knows nothing of it. Undefined when they are too many to be judged. Throws LEDGER_DAMAGED.
 */
function draftsOf({ ledger }: Wallet, rail: Rail, newest: ReservedBody): readonly Uint8Array[] | undefined {
  const draft = bytesOf(newest);
  if (rail.locks(draft).length === 0) return [draft];
  const drafts = [draft];
  for (let { previous } = newest; previous !== undefined;) {
    const row = readReserved(ledger.body(previous));
    if (!row || drafts.length === MOST_DRAFTS) return undefined;
    drafts.push(bytesOf(row));
    previous = row.previous;
  }
  return drafts;
}

const bytesOf = ({ draft }: ReservedBody): Uint8Array => Buffer.from(draft, "base64");

/** What one finding proves of all drafts: the first of them that is not dead tells. */
function proofOf(rail: Rail, drafts: readonly Uint8Array[], finding: Finding): Proof {
  for (const draft of drafts) {
    const proof = rail.proof(draft, finding);
    if (proof !== "dead") return proof;
  }
  return "dead";
}

/** What enough endpoints prove, and none of them denies; a finding that proves nothing has no vote. */
function agreement(findings: readonly Finding[], proofOf: (finding: Finding) => Proof): Proof {
  const proofs = findings.map((finding) => ({ finding, proof: proofOf(finding) }));
  const votes = proofs.filter(({ proof }) => proof === "dead" || proof === "used");
  const doubt = proofs.find((proof) => !votes.includes(proof))?.proof;
  const [first] = votes;
  if (!first) return doubt ?? "unknown";
  if (votes.some(({ proof }) => proof !== first.proof) || seeTwoBlocks(votes)) return "disagreement";
  const endpoints = new Set(votes.map(({ finding }) => finding.endpoint));
  return endpoints.size < ENDPOINTS_NEEDED ? (doubt ?? "one-endpoint") : first.proof;
}

/** Two hashes for one height: they are not on the same chain. */
function seeTwoBlocks(votes: readonly { finding: Finding }[]): boolean {
  const blocks = votes.map(({ finding }) => finding.block);
  return blocks.some(({ number, hash }) =>
    blocks.some((other) => other.number === number && other.hash !== hash),
  );
}

function releases({ ledger, scopes }: Wallet): { limit: MicroUsd; today: MicroUsd } {
  const { key, bucket } = releasedCounter(ledger.now());
  const used = ledger.books().used(key, bucket, bucket);
  return { limit: scopes.policy?.maxRelease ?? 0n, today: used };
}

/** Rows of an older schema did not name this counter; it was filled with their whole sum. */
function resolved({ newest, booked }: Stored): Addition {
  const key = unresolvedKey(newest.agent);
  const own = booked.find((addition) => addition.key === key);
  return { key, bucket: 0, amount: -(own?.amount ?? BigInt(newest.usd)) };
}

/**
 * Exactly what was booked for the intent, from the same buckets of the same counters, but for windows that nobody reads
 * any more, and for the count of new keys, which are stored all the same. And what is released itself counts.
 */
function givenBack(wallet: Wallet, stored: Stored): Addition[] {
  const { ledger, scopes } = wallet;
  const { agent, usd, policy } = stored.newest;
  const books = ledger.books();
  // Documents that came after its rows were filled with it.
  const counted = policy === scopes.policy?.version ? stored.booked : countedFor(stored, scopes.policy);
  const isOpen = ({ key, bucket }: Addition): boolean =>
    key !== unresolvedKey(agent) &&
    !key.includes("|newKeys|") &&
    !isOver(key, bucket, books.now) &&
    !scopes.hasEnded(key, bucket, books.now);
  return [
    ...counted.filter(isOpen).map((addition) => ({ ...addition, amount: -addition.amount })),
    resolved(stored),
    { ...releasedCounter(books.now), amount: BigInt(usd) },
  ];
}
