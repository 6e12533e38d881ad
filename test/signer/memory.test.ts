// Promise 5, from outside: a search of the signer's memory for the keys that it was handed. Linux only, and only where
// the kernel lets the tester read another process (root, or ptrace_scope 0).
import { expect, it } from "vitest";
import { COMMAND, SignerHome } from "../counterparts/signer.ts";
import { canSearch, countInMemory } from "./memory-search.ts";

it("keys are in the signer's memory while it is unlocked, and neither in it nor in its output afterwards", async (test) => {
  const home = await SignerHome.make();
  const [passphrase, partKey, nonceKey, auditKey, ...wallet] = home.secrets();
  // The command: its environment is a part of it.
  const signer = await home.spawn({ entry: COMMAND });
  try {
    if (!canSearch(signer.pid)) {
      console.warn("SKIPPED: the memory of another process cannot be read here");
      test.skip();
    }
    expect(countInMemory(signer.pid, home.secrets())).toEqual(home.secrets().map(() => 0));
    await signer.unlock();
    await signer.apply({ version: 1, totalMax: "5.00" });
    const intent = {
      ...{
        scheme: "exact",
        network: "eip155:84532" as const,
        amount: "1",
        maxTimeoutSeconds: 60,
        claims: {},
      },
      asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
      payTo: "0x1111111111111111111111111111111111111111",
    };
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 100 }, (_, i) => `memory-search-${round}-${i}`);
      await Promise.all(ids.map((id) => signer.sign({ ...intent, id })));
    }
    // One at least: or this would search for the wrong thing.
    expect(countInMemory(signer.pid, wallet).every((copies) => copies >= 1)).toBe(true);
    expect(countInMemory(signer.pid, [passphrase!, partKey!])).toEqual([0, 0]);
    await signer.lock();
    expect(countInMemory(signer.pid, [...wallet, auditKey!])).toEqual([...wallet, auditKey!].map(() => 0));
    // node:crypto keeps its copy of the last HMAC key. It tells which nonces are used and moves no money.
    expect(countInMemory(signer.pid, [nonceKey!])[0]).toBeLessThanOrEqual(1);
  } finally {
    await signer.close();
    for (const secret of home.secrets()) {
      expect(signer.output).not.toContain(secret.toString("hex"));
      expect(signer.output).not.toContain(secret.toString("base64"));
    }
    home.remove();
  }
});
