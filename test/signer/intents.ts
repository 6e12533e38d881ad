// Payments to ask for, and documents that allow them.
import type { WireIntent } from "../../protocol/intent.ts";

export const USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
export const PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const OTHER_PAYEE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

/** An intent id of the right length for a short name. */
export const idOf = (name: string | number): string => `intent-${String(name).padStart(12, "0")}`;

/** A payment of one cent, valid for a minute. */
export const intent = (name: string | number, changed: Partial<WireIntent> = {}): WireIntent => ({
  id: idOf(name),
  scheme: "exact",
  network: "eip155:84532",
  asset: USDC,
  payTo: PAYEE,
  amount: "10000",
  maxTimeoutSeconds: 60,
  claims: { url: "https://api.example.com/data?key=1" },
  ...changed,
});

/** Allows what `intent` makes, up to a large total. */
export const document = (changed: Record<string, unknown> = {}): Record<string, unknown> => ({
  version: 1,
  allowedNetworks: ["base-sepolia"],
  allowedAssets: ["USDC"],
  totalMax: "1000.00",
  ...changed,
});
