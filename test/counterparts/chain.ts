// A real EVM chain on this machine: Anvil in a process of its own, with a working USDC at the address that USDC has on
// the network of the same chain id, so that pinned assets apply as they are.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { getDefaultAsset } from "@x402/evm";
import {
  type Address,
  createTestClient,
  defineChain,
  encodeDeployData,
  erc20Abi,
  getAddress,
  type Hex,
  http,
  parseAbi,
  publicActions,
  walletActions,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { CompiledToken } from "./token/compile.ts";

export type Chain = Awaited<ReturnType<typeof startChain>>;

/** An account that Anvil has given 10,000 ETH. 0 deploys and mints; 1 is the facilitator's. */
export const devAccount = (addressIndex: number) =>
  mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex });

// A shell stands between, because it sees its standard input close however this process ends, SIGKILL included.
const GUARD = '"$0" "$@" & pid=$!; exec >&-; read -r _; kill $pid; wait $pid';
const TOKEN_ABI = [...erc20Abi, ...parseAbi(["function mint(address to, uint256 value)"])];

function findAnvil(): string {
  const own = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));
  for (const folder of [own, ...(process.env["PATH"] ?? "").split(delimiter)]) {
    try {
      accessSync(join(folder, "anvil"), constants.X_OK);
      return join(folder, "anvil");
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(
    "no anvil here: npm has it for Linux x86-64 only; elsewhere install Foundry and put it on PATH",
  );
}

async function listening(anvil: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: anvil.stdout! })) {
    const found = /^Listening on (127\.0\.0\.1:\d+)$/.exec(line);
    if (found !== null) return `http://${found[1]!}`;
  }
  throw new Error("anvil ended before it listened");
}

function clientOf(url: string, chainId: number) {
  const rpcUrls = { default: { http: [url] } };
  const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
  const chain = defineChain({ id: chainId, name: "local", nativeCurrency, rpcUrls });
  return createTestClient({ mode: "anvil", chain, transport: http(url), pollingInterval: 10, cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions);
}

/** Deploys the token under the name that USDC has on this network, and puts its code where USDC is. */
async function placeToken(client: ReturnType<typeof clientOf>): Promise<Address> {
  const usdc = getDefaultAsset(`eip155:${client.chain.id}`);
  const file = new URL("token/TestUSDC.json", import.meta.url);
  const token = CompiledToken.parse(JSON.parse(readFileSync(file, "utf8")));
  const abi = parseAbi(["constructor(string domainName)"]);
  const data = encodeDeployData({ abi, bytecode: token.bytecode as Hex, args: [usdc.name] });
  const hash = await client.sendTransaction({ account: devAccount(0), data });
  const { contractAddress } = await client.waitForTransactionReceipt({ hash });
  const bytecode = await client.getCode({ address: contractAddress! });
  const address = getAddress(usdc.asset);
  await client.setCode({ address, bytecode: bytecode! });
  return address;
}

/** Starts a chain on a free port of 127.0.0.1. `chainId` is a network whose USDC `@x402/evm` knows. */
export async function startChain(chainId = 84532) {
  const args = ["-c", GUARD, findAnvil(), "--port", "0", "--chain-id", String(chainId)];
  const anvil = spawn("/bin/sh", args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(anvil, "exit");
  const close = async (): Promise<void> => {
    anvil.stdin.destroy();
    await ended;
  };
  try {
    const url = await listening(anvil);
    anvil.stdout.resume(); // It logs every call; a full pipe would stop it.
    const client = clientOf(url, chainId);
    const token = await placeToken(client);
    return {
      url,
      chainId,
      network: `eip155:${chainId}` as const,
      token,
      client,
      close,
      ...money(client, token),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Token amounts in atomic units: 1 USDC is 1,000,000. */
function money(client: ReturnType<typeof clientOf>, token: Address) {
  const contract = { address: token, abi: TOKEN_ABI } as const;
  return {
    mint: async (to: Address, value: bigint): Promise<void> => {
      const mint = { ...contract, functionName: "mint", args: [to, value], account: devAccount(0) } as const;
      await client.waitForTransactionReceipt({ hash: await client.writeContract(mint) });
    },
    balanceOf: (owner: Address): Promise<bigint> =>
      client.readContract({ ...contract, functionName: "balanceOf", args: [owner] }),
  };
}
