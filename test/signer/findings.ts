// What two honest endpoints would bring of a payment, for tests that need no chain.
import { type SignerConnection, connectSigner, deskCall } from "../../client/signer.ts";
import type { Finding, ReconcileResult, TraceOf, Unresolved } from "../../protocol/finding.ts";
import type { Signer } from "../counterparts/signer.ts";

export const ENDPOINTS = ["https://one.example", "https://two.example:8545"] as const;

export const hashOf = (digit: string | number): string => `0x${String(digit).repeat(64).slice(0, 64)}`;

/** The trace of a payment on an EVM chain. */
export function evmTrace({ trace }: Pick<Unresolved, "trace">): TraceOf<"eip3009"> {
  if (trace.kind !== "eip3009") throw new TypeError(trace.kind);
  return trace;
}

/** A finding a minute after the payment's end, at a final block; `changed` is laid over it. */
export const finding = (
  payment: Unresolved,
  endpoint: string = ENDPOINTS[0],
  changed: Partial<Finding> = {},
): Finding => ({
  agent: payment.agent,
  id: payment.id,
  endpoint,
  network: payment.network,
  block: { number: 1000, hash: hashOf(1), time: evmTrace(payment).validBefore + 60 },
  finalized: true,
  seen: { kind: "eip3009", used: false },
  ...changed,
});

/** The same from both endpoints. */
export const agreed = (payment: Unresolved, changed: Partial<Finding> = {}): Finding[] =>
  ENDPOINTS.map((endpoint) => finding(payment, endpoint, changed));

export const USED = { seen: { kind: "eip3009", used: true, event: "used", transaction: hashOf(7) } } as const;
export const CANCELLED = { seen: { kind: "eip3009", used: true, event: "cancelled" } } as const;

/** A desk's connection, closed by the caller. */
export const deskOf = (signer: Signer): Promise<SignerConnection> => connectSigner(signer.running.desk);

/** Every page of what is unresolved. */
export async function unresolved(desk: SignerConnection, limit?: number): Promise<Unresolved[]> {
  const found: Unresolved[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { payments: Unresolved[]; next?: number | undefined } = await deskCall(
      desk,
      "ledger.unresolved",
      {
        after,
        ...(limit === undefined ? {} : { limit }),
      },
    );
    found.push(...page.payments);
    after = page.next;
  }
  return found;
}

export const reconcile = (desk: SignerConnection, findings: Finding[]): Promise<ReconcileResult> =>
  deskCall(desk, "ledger.reconcile", { findings });
