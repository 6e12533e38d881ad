// Promise 5, from outside: a search of the signer's memory for the keys that it was handed. Linux only, and only where
// the kernel lets the tester read another process (root, or ptrace_scope 0).
import { expect, it } from "vitest";
import { COMMAND, SignerHome } from "../counterparts/signer.ts";
import { Clients } from "../torture/clients.ts";
import { mixed, mixedDocument, setAdaPrice } from "../torture/payments.ts";
import { keyParts } from "./key-parts.ts";
import { canSearch, countInMemory } from "./memory-search.ts";

it("keys of every rail are in the signer's memory while it is unlocked, and neither in it nor in its output afterwards", async (test) => {
  const home = await SignerHome.ofPhrase();
  const parts = keyParts(home);
  // The command: its environment is a part of it.
  const signer = await home.spawn({ entry: COMMAND });
  const search = (): Record<string, number> => {
    const needles = parts.map(({ bytes }) => bytes);
    const found = countInMemory(signer.pid, needles);
    return Object.fromEntries(parts.map(({ name }, index) => [name, found[index]!]));
  };
  const nothing = Object.fromEntries(parts.map(({ name }) => [name, 0]));
  try {
    if (!canSearch(signer.pid)) {
      console.warn("SKIPPED: the memory of another process cannot be read here");
      test.skip();
    }
    expect(search()).toEqual(nothing);
    await signer.unlock();
    await setAdaPrice(signer);
    await signer.apply(mixedDocument());
    const clients = new Clients(mixed);
    await clients.load(await signer.agent(), 100, () => clients.held.size >= 2000);
    // One at least: or this would search for the wrong thing.
    const unlocked = search();
    for (const { name, held } of parts) expect(unlocked[name]! > 0, name).toBe(held);
    await signer.lock();
    const { "nonce key": nonceKey, ...others } = search();
    expect(others).toEqual({ ...nothing, "nonce key": undefined });
    // node:crypto keeps its copy of the last HMAC key. It tells which nonces are used and moves no money.
    expect(nonceKey).toBeLessThanOrEqual(1);
  } finally {
    await signer.close();
    for (const secret of home.secrets()) {
      expect(signer.output).not.toContain(secret.toString("hex"));
      expect(signer.output).not.toContain(secret.toString("base64"));
    }
    home.remove();
  }
});
