// A wallet of any size, and the longest of everything else: what the signer is asked fits into a line.
import { expect, it } from "vitest";
import { MAX_REQUEST_BYTES, encodeRequest } from "../../protocol/rpc.ts";
import { CARDANO, PARAMETERS, startProvider } from "./providers.ts";
import { signed } from "./scripted-signer.ts";
import { paidFirst, stage } from "./stage.ts";
import { asks } from "./terms.ts";

const OURS =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";
const ON_MAINNET =
  "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x";
const NETWORKS = [
  ["cardano:mainnet", 764_824_073, ON_MAINNET],
  ["cardano:preprod", 1, OURS],
  ["cardano:preview", 2, OURS],
] as const;

const asset = (i: number): string => `${"ab".repeat(28)}.${i.toString(16).padStart(64, "0")}`;
const utxos = Array.from({ length: 500 }, (_, i) => ({
  transaction: i.toString(16).padStart(64, "0"),
  index: 65_535,
  lovelace: 1_000_000n + BigInt(i),
  tokens: Object.fromEntries(
    Array.from({ length: i % 12 }, (_, n) => [asset(n), 9_223_372_036_854_775_807n]),
  ),
}));

it("with wallets on three networks, eight offers, long URLs and memos", async () => {
  const context: Record<string, object> = {};
  for (const [network, magic, address] of NETWORKS) {
    const { url } = await startProvider(CARDANO.koios({ address, magic, utxos, parameters: PARAMETERS }));
    context[network] = { koios: [url] };
  }
  const offers = Array.from({ length: 8 }, (_, i) => ({
    scheme: "exact",
    network: NETWORKS[i % 3]![0],
    asset: i < 3 ? asset(5) : "lovelace",
    amount: String(10 ** 15 + i),
    payTo: "a".repeat(160),
    maxTimeoutSeconds: 31_536_000,
    extra: { memo: "é".repeat(256), feePayer: "f".repeat(160), assetTransferMethod: "t".repeat(32) },
  }));
  const quote = { outcome: "allow", checks: [] };
  const { url, calls, pay } = await stage({
    shop: paidFirst(asks(offers)),
    signer: ({ method }) => {
      if (method === "payment.quote") return Array.from({ length: 8 }, () => quote);
      if (method === "session.open")
        return { session: `s_${"s".repeat(64)}`, endsAt: "2030-01-01T00:00:00Z" };
      if (method !== "wallet.addresses") return signed;
      return { accounts: [OURS, ON_MAINNET].map((address) => ({ rail: "cardano", address })) };
    },
    options: { context: context, policy: { perCallMax: "1.00" } },
  });
  await pay(`${url}/${"u".repeat(4_000)}`, { payment: { id: "i".repeat(128), category: "c".repeat(50) } });
  const sizeOf = (asked: string): number => {
    const { method, params } = calls.find((call) => call.method === asked)!;
    return Buffer.byteLength(encodeRequest(1_000_000, method, params));
  };
  const told = calls.find(({ method }) => method === "payment.sign")!.params as unknown as {
    context: { utxos: { tokens?: object }[] };
  };
  expect(sizeOf("payment.quote")).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
  expect(sizeOf("payment.sign")).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
  // And the room is used.
  expect(sizeOf("payment.sign")).toBeGreaterThan(MAX_REQUEST_BYTES * 0.9);
  expect(told.context.utxos.length).toBeGreaterThan(50);
});
