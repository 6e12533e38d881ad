// The stage that other tests and the demo stand on: with the reference client instead of ours, it must work.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { FacilitatorClient } from "@x402/core/server";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { ExactEvmScheme, findDefaultAsset } from "@x402/evm";
import { ExactEvmSchemeV1 } from "@x402/evm/v1";
import { parseAbi } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { PINNED_ASSETS } from "../../protocol/assets.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chain, startChain } from "./chain.ts";
import { startFacilitator } from "./facilitator.ts";
import { ExactSvmScheme as ExactSvmClient } from "@x402/svm/exact/client";
import { type Shop, startShop } from "./shop.ts";
import { startShopV1 } from "./shop-v1.ts";
import { compileToken } from "./token/compile.ts";

const payer = privateKeyToAccount(generatePrivateKey());
const newPayee = () => privateKeyToAccount(generatePrivateKey()).address;

const erc5267 = parseAbi([
  "function eip712Domain() view returns (bytes1, string name, string version, uint256 chainId, address verifyingContract, bytes32, uint256[])",
]);

const referenceFetch = () =>
  wrapFetchWithPayment(
    fetch,
    new x402Client()
      .register("eip155:*", new ExactEvmScheme(payer))
      .registerV1("base-sepolia", new ExactEvmSchemeV1(payer)),
  );

describe("the token", () => {
  it("is what its source compiles to", () => {
    const committed = readFileSync(new URL("token/TestUSDC.json", import.meta.url), "utf8");
    expect(committed).toBe(`${JSON.stringify(compileToken(), null, 2)}\n`);
  });

  it.each([
    { chainId: 84532, name: "USDC", address: "0x036CbD53842c5426634e7929541eC2318f3dCF7e" },
    { chainId: 8453, name: "USD Coin", address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" },
  ] as const)("has the domain of the real one on $chainId", async ({ chainId, name, address }) => {
    const chain = await startChain(chainId);
    try {
      const [, ...domain] = await chain.client.readContract({
        address,
        abi: erc5267,
        functionName: "eip712Domain",
      });
      expect(domain.slice(0, 4)).toEqual([name, "2", BigInt(chainId), address]);
    } finally {
      await chain.close();
    }
  });
});

describe("the chain", () => {
  it("ends with the process that started it, however that ends", async () => {
    const module = JSON.stringify(new URL("chain.ts", import.meta.url).href);
    const start = `import(${module}).then(({ startChain }) => startChain()).then(({ url }) => console.log(url))`;
    const owner = spawn(process.execPath, ["-e", `${start}; setInterval(() => {}, 1e6)`]);
    const [line] = (await once(owner.stdout, "data")) as [Buffer];
    const { port } = new URL(line.toString());
    const watch = connect(Number(port), "127.0.0.1").on("error", () => undefined);
    await once(watch, "connect");
    const gone = once(watch, "close");
    owner.kill("SIGKILL");
    await gone;
  });
});

describe("the pinned assets", () => {
  it("are what the reference client knows, domains included", () => {
    const onEvm = PINNED_ASSETS.filter(({ network }) => network.startsWith("eip155:"));
    const known = onEvm.map(({ network, address }) => findDefaultAsset(address, network));
    const pinned = onEvm.map(({ address, name, version, decimals, symbol }) => ({
      asset: address,
      name,
      version,
      decimals,
      symbol,
    }));
    expect(pinned).toEqual(known);
  });

  it("are what its part for Solana knows", () => {
    const client = new ExactSvmClient({} as never);
    const onSolana = PINNED_ASSETS.filter(({ network }) => network.startsWith("solana:"));
    expect(onSolana).toHaveLength(3);
    for (const { network, address, decimals, symbol } of onSolana)
      expect(client.findDefaultAsset(address, network)).toMatchObject({ asset: address, decimals, symbol });
  });
});

describe("the reference client", () => {
  let chain: Chain;
  let facilitator: FacilitatorClient;
  let shop: Shop;
  const payee = newPayee();

  beforeAll(async () => {
    chain = await startChain();
    facilitator = startFacilitator(chain);
    [shop] = await Promise.all([
      startShop({ chain, facilitator, payTo: payee }),
      chain.mint(payer.address, 5_000_000n),
    ]);
  });
  afterAll(() => Promise.all([shop.close(), chain.close()]));

  it("pays the shop, twenty times at once", async () => {
    const pay = referenceFetch();
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(`${shop.url}/weather`)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect(decodePaymentResponseHeader(answers[0]!.headers.get("payment-response")!).success).toBe(true);
    expect(await chain.balanceOf(payee)).toBe(200_000n);
    expect(shop.served).toHaveLength(20);
  });

  it("has its body echoed for a price", async () => {
    const answer = await referenceFetch()(`${shop.url}/echo`, { method: "POST", body: "hello" });
    expect([answer.status, await answer.text()]).toEqual([200, "hello"]);
  });

  it("pays a shop of version 1", async () => {
    const payTo = newPayee();
    const old = await startShopV1({ chain, facilitator, payTo });
    const answer = await referenceFetch()(`${old.url}/anything`);
    expect(answer.status).toBe(200);
    expect(decodePaymentResponseHeader(answer.headers.get("x-payment-response")!).success).toBe(true);
    expect(await chain.balanceOf(payTo)).toBe(10_000n);
    expect(old.served).toEqual(["GET /anything"]);
    await old.close();
  });
});
