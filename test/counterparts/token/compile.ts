// Compiles TestUSDC.sol with solc-js and the OpenZeppelin sources from node_modules; no network, same bytes each time.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { z } from "zod";

export const CompiledToken = z.object({ compiler: z.string(), abi: z.array(z.json()), bytecode: z.string() });
export type CompiledToken = z.infer<typeof CompiledToken>;

const SOURCE = "TestUSDC.sol";
const require = createRequire(import.meta.url);

// solc-js has no types and is loaded here only: it is 9 MB of WASM.
interface Solc {
  version(): string;
  compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
}

const Output = z.object({
  errors: z.array(z.object({ severity: z.string(), formattedMessage: z.string() })).optional(),
  contracts: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ abi: z.array(z.json()), evm: z.object({ bytecode: z.object({ object: z.string() }) }) }),
    ),
  ),
});

const input = () => ({
  language: "Solidity",
  sources: { [SOURCE]: { content: readFileSync(new URL(SOURCE, import.meta.url), "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    metadata: { appendCBOR: false },
    outputSelection: { [SOURCE]: { TestUSDC: ["abi", "evm.bytecode.object"] } },
  },
});

/** The token as it is committed in `TestUSDC.json`: `bytecode` creates the contract, 0x-prefixed hex. */
export function compileToken(): CompiledToken {
  const solc = require("solc") as Solc;
  const read = (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = Output.parse(JSON.parse(solc.compile(JSON.stringify(input()), { import: read })));
  const failures = (output.errors ?? []).filter((entry) => entry.severity === "error");
  const contract = output.contracts[SOURCE]?.["TestUSDC"];
  if (contract === undefined) throw new Error(failures.map((entry) => entry.formattedMessage).join("\n"));
  return { compiler: solc.version(), abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
}
