import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PINNED_ASSETS, assetKey, assetRegistry, canonicalAddress } from "../../protocol/assets.ts";
import { evmChainId, isCaip2, nameOf, networkOf } from "../../protocol/networks.ts";
import { agentSocketName, runFolder, stateFolder, x402Home } from "../../protocol/places.ts";
import { address } from "./arbitrary.ts";

const NAMES = ["base", "base-sepolia", "polygon", "arbitrum", "arbitrum-sepolia", "monad"];

describe("networks", () => {
  it("have a name and an id for each other", () => {
    for (const name of NAMES) {
      const id = networkOf(name)!;
      expect(isCaip2(id)).toBe(true);
      expect(nameOf(id)).toBe(name);
      expect(networkOf(id)).toBe(id);
    }
    expect(nameOf("eip155:1")).toBe("eip155:1");
  });

  it("have no other names: not in upper case, not padded, nothing inherited", () => {
    for (const name of ["Base", "BASE", " base", "base ", "bass", "", "constructor", "__proto__", "toString"])
      expect(networkOf(name)).toBeUndefined();
  });

  it("of EVM are a chain id in one spelling", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), (id) => {
        expect(evmChainId(`eip155:${id}`)).toBe(id);
        expect(evmChainId(`eip155:0${id}`)).toBeUndefined();
      }),
    );
    for (const id of ["eip155:-1", "eip155:0x1", "eip155:1e3", "eip155:1 ", "eip155:1_0", "solana:8453"])
      expect(evmChainId(id as never)).toBeUndefined();
  });

  it("are ids as CAIP-2 has them", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("aZ09-_:. \n")) }), (text) => {
        const [namespace, reference, more] = text.split(":");
        const fits =
          /^[-a-z0-9]{3,8}$/.test(namespace!) &&
          /^[-_a-zA-Z0-9]{1,32}$/.test(reference ?? "") &&
          more === undefined;
        expect(isCaip2(text)).toBe(fits && !text.includes("\n"));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("assets", () => {
  it("are their network and address; case does not matter on EVM, and does elsewhere", () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(assetKey("eip155:1", text.toUpperCase())).toBe(assetKey("eip155:1", text));
        expect(assetKey("eip155:1", text)).not.toBe(assetKey("eip155:10", text));
      }),
    );
    expect(canonicalAddress("solana:x", "AbC")).toBe("AbC");
  });

  it("that the operator adds never take the place of a pinned one", () => {
    const pinned = PINNED_ASSETS[0]!;
    const other = { ...pinned, address: pinned.address.toLowerCase(), name: "Evil", decimals: 18 };
    const added = { ...pinned, address: "0x1111111111111111111111111111111111111111", symbol: "EURC" };
    const registry = assetRegistry([other, added]);
    expect(registry.get(assetKey(pinned.network, pinned.address))).toBe(pinned);
    expect(registry.get(assetKey(added.network, added.address))).toBe(added);
    expect(registry.size).toBe(PINNED_ASSETS.length + 1);
  });
});

describe("places", () => {
  it("follow the environment, in which empty is unset", () => {
    expect(x402Home({}, "/home/a")).toBe("/home/a/.x402");
    expect(x402Home({ X402_HOME: "" }, "/home/a")).toBe("/home/a/.x402");
    expect(x402Home({ X402_HOME: "/x" }, "/home/a")).toBe("/x");
    expect(stateFolder({ X402_HOME: "/x" }, "/home/a")).toBe("/x/signer");
    expect(runFolder({ XDG_RUNTIME_DIR: "/run/user/1" }, "/home/a")).toBe("/run/user/1/x402");
    expect(runFolder({ XDG_RUNTIME_DIR: "", X402_HOME: "/x" }, "/home/a")).toBe("/x/run");
    expect(agentSocketName("default")).toBe("agent.sock");
    expect(agentSocketName("research")).toBe("agents/research.sock");
  });
});
