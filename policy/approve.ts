// Rules that ask a person: a payment that fails one of them is held, not declined, until somebody decides or it lapses.
import { parseUsd, type MicroUsd } from "../protocol/amount.ts";
import type { Code } from "../protocol/errors.ts";
import type { Charge } from "./counters.ts";
import type { Check, Facts } from "./evaluate.ts";
import { isAddress, isOneAway, skeletonOf } from "./lookalike.ts";
import {
  type Memory,
  markOf,
  median,
  payeeKey,
  shortKey,
  streakSubject,
  termsKey,
  claimedSite,
} from "./memory.ts";
import type { ApproveDocument } from "./schema.ts";
import type { Scope } from "./scope.ts";
import type { Subject } from "./subject.ts";
import { parseDuration } from "./windows.ts";

/** What one scope asks a person about. */
export interface Approve {
  readonly above?: MicroUsd;
  readonly newRecipient: boolean;
  readonly afterConsecutive?: number;
  readonly categories?: ReadonlySet<string>;
  /** A payment of more than so many times the median. */
  readonly jump?: bigint;
  /** Seconds that a hold waits. */
  readonly expires: number;
  /** Micro-USD that a desk may approve; undefined where the scope leaves that to others. */
  readonly deskMax?: MicroUsd;
}

const DEFAULT_EXPIRES = "30m";

interface Asking {
  readonly approve?: ApproveDocument | undefined;
  readonly priceJump?: { readonly times: number } | undefined;
}

export function compileApprove({ approve, priceJump }: Asking): { approve?: Approve } {
  if (!approve && !priceJump) return {};
  const { above, newRecipient, afterConsecutive, categories, expires, deskMax } = approve ?? {};
  return {
    approve: {
      newRecipient: newRecipient === true,
      expires: parseDuration(expires ?? DEFAULT_EXPIRES) ?? 0,
      ...(above !== undefined && { above: parseUsd(above) }),
      ...(afterConsecutive !== undefined && { afterConsecutive }),
      ...(categories && { categories: new Set<string>(categories) }),
      ...(priceJump && { jump: BigInt(priceJump.times) }),
      ...(approve && { deskMax: parseUsd(deskMax ?? "0") }),
    },
  };
}

/** A document (of any version) has a rule that needs to know what was paid before. */
export function asksMemory(document: unknown): boolean {
  const { agents = {}, ...household } = (document ?? {}) as Asking & { agents?: Record<string, Asking> };
  return [household, ...Object.values(agents)].some(
    ({ approve, priceJump }) =>
      priceJump !== undefined ||
      approve?.newRecipient !== undefined ||
      approve?.afterConsecutive !== undefined,
  );
}

const NOTHING: Memory = {
  payee: () => undefined,
  resource: () => undefined,
  streak: () => 0,
  payeesMarked: () => [],
  hosts: () => [],
};

/** Appends a check for every such rule that the scope has. */
export function approveChecks(
  scope: Scope,
  subject: Subject,
  { memory = NOTHING }: Facts,
  checks: Check[],
): void {
  const { approve } = scope.policy;
  if (!approve) return;
  const { above, categories, afterConsecutive, newRecipient, jump } = approve;
  const ask = (rule: string, code: Code, ok: boolean, claimed = false, limit?: bigint): void => {
    const unit = limit === undefined ? {} : ({ unit: "usd", limit } as const);
    checks.push({ scope: scope.id, rule, code, ok, claimed, ...unit, ...(!ok && { holds: true as const }) });
  };
  if (above !== undefined) ask("approve.above", "APPROVAL_AMOUNT", subject.usd <= above, false, above);
  if (categories) ask("approve.categories", "APPROVAL_CATEGORY", !categories.has(subject.category), true);
  if (afterConsecutive === undefined && !newRecipient && jump === undefined) return;
  const before = new Before(subject, memory);
  if (afterConsecutive !== undefined)
    ask(
      "approve.afterConsecutive",
      "APPROVAL_CONSECUTIVE",
      before.streak < afterConsecutive,
      before.isClaimed,
    );
  if (!newRecipient && jump === undefined) return;
  const rule = newRecipient ? "approve.newRecipient" : "priceJump";
  if (newRecipient) ask(rule, "APPROVAL_NEW_RECIPIENT", before.knowsPayee);
  ask(rule, "APPROVAL_LOOKALIKE_PAYEE", before.knowsPayee || !before.looksLikePayee);
  ask(rule, "APPROVAL_LOOKALIKE_HOST", before.isCovered || !before.looksLikeHost, true);
  ask(rule, "APPROVAL_CHANGED_PAYEE", before.isCovered || !before.hasChanged, true);
  if (jump === undefined) return;
  const usual = before.median;
  const most = usual === undefined ? undefined : usual.amount * jump;
  const passes = before.isCovered || most === undefined || subject.usd <= most;
  ask("priceJump", "APPROVAL_PRICE_JUMP", passes, usual?.isClaimed ?? false, most);
}

/** A payment beside those before it. Everything is asked for once at most, and only where a rule needs it. */
class Before {
  readonly #subject: Subject;
  readonly #memory: Memory;
  readonly #site;
  readonly #key: string;

  constructor(subject: Subject, memory: Memory) {
    const { intent } = subject.payment;
    this.#subject = subject;
    this.#memory = memory;
    this.#site = claimedSite(intent.claims.url);
    this.#key = payeeKey(intent.network, intent.payTo);
  }

  get isClaimed(): boolean {
    return this.#site !== undefined;
  }

  get streak(): number {
    return this.#memory.streak(this.#agent, streakSubject(this.#site, this.#key));
  }

  /** Approved for good, up to this amount. */
  get isCovered(): boolean {
    const { ceiling } = this.#memory.payee(this.#key) ?? {};
    return ceiling !== undefined && this.#subject.usd <= ceiling;
  }

  get knowsPayee(): boolean {
    return this.isCovered || this.#memory.payee(this.#key)?.known === true;
  }

  get looksLikePayee(): boolean {
    const mark = markOf(this.#subject.payee);
    return (
      mark !== undefined && this.#memory.payeesMarked(mark).some((known) => known !== this.#subject.payee)
    );
  }

  get looksLikeHost(): boolean {
    const host = this.#site?.domain;
    if (host === undefined || isAddress(host)) return false;
    const hosts = this.#memory.hosts(this.#agent);
    if (hosts.some((known) => known.host === host)) return false;
    const skeleton = skeletonOf(host);
    return hosts.some((known) => known.skeleton === skeleton || isOneAway(known.host, host));
  }

  /** The claimed resource was paid before, and never so. */
  get hasChanged(): boolean {
    const { network, asset, payTo } = this.#subject.payment.intent;
    const terms = this.#resource?.terms ?? [];
    return terms.length > 0 && !terms.includes(termsKey(network, asset, payTo));
  }

  get median(): { amount: MicroUsd; isClaimed: boolean } | undefined {
    const claimed = median(this.#resource?.amounts ?? []);
    const amount = claimed ?? median(this.#memory.payee(this.#key)?.amounts ?? []);
    return amount === undefined ? undefined : { amount, isClaimed: claimed !== undefined };
  }

  get #agent(): string {
    return this.#subject.payment.agent;
  }

  get #resource() {
    return this.#site && this.#memory.resource(this.#agent, shortKey(this.#site.resource));
  }
}

/** Payments of one agent that may wait at once. */
export const MOST_HOLDS = 16n;

/** What waits for a decision, as a new hold sees it. */
export interface Holding {
  /** Of the agent that asks. */
  readonly open: number;
  /** Several agents share what household and unlock allow. */
  readonly shared: boolean;
  /** Of what a counter has used: what only waits, whoever asked for it. */
  held(key: string, fromBucket: number, toBucket: number): bigint;
}

/** What one more hold may not do: be one too many, or keep more than half of a shared budget from everybody else. */
export function holdChecks(
  charges: readonly Charge[],
  agent: string,
  holding: Holding,
  checks: Check[],
): void {
  const used = BigInt(holding.open);
  const limit = {
    unit: "count",
    limit: MOST_HOLDS,
    used,
    left: MOST_HOLDS > used ? MOST_HOLDS - used : 0n,
  } as const;
  const own = { scope: `agent:${agent}`, code: "TOO_MANY_HOLDS", claimed: false } as const;
  checks.push({ ...own, rule: "holds", ok: used < MOST_HOLDS, ...limit });
  if (!holding.shared) return;
  for (const { scope, counter, key, spans, amount } of charges) {
    if (scope.kind === "agent" || scope.kind === "session") continue;
    const held = spans.map(({ from, to }) => holding.held(key, from, to));
    const most = held.reduce((a, b) => (a > b ? a : b), 0n);
    for (const { budget, max } of counter.budgets) {
      const half = (max + 1n) / 2n;
      const ok = most + amount <= half;
      const said = {
        scope: scope.id,
        rule: `holds of ${budget.name}`,
        unit: counter.unit,
        limit: half,
      } as const;
      if (!ok) checks.push({ ...own, ...said, ok, used: most, left: half > most ? half - most : 0n });
    }
  }
}

/** Seconds that a payment waits which these checks hold: the shortest of their scopes'. */
export function holdSeconds(scopes: readonly Scope[], checks: readonly Check[]): number {
  const asking = new Set(checks.filter(({ holds }) => holds).map(({ scope }) => scope));
  const times = scopes.flatMap(({ id, policy }) =>
    asking.has(id) && policy.approve ? [policy.approve.expires] : [],
  );
  return Math.min(...times);
}

/** What a desk may approve under these scopes: the least that any of them says. */
export function deskMax(scopes: readonly Scope[]): MicroUsd {
  const said = scopes.flatMap(({ policy }) =>
    policy.approve?.deskMax === undefined ? [] : [policy.approve.deskMax],
  );
  return said.reduce<MicroUsd | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined) ?? 0n;
}
