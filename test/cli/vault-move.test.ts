// x402-vault move: a vault goes to another signer, and no budget is opened by it, whatever stops it on the way.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SignerConnection, agentCall, connectSigner, operatorCall } from "../../client/signer.ts";
import { headSchema } from "../../protocol/shapes.ts";
import { readHeader } from "../../vault/vault.ts";
import { hasPty } from "../counterparts/pty.ts";
import { document, intent } from "../signer/intents.ts";
import { Fault, faultsImpossible } from "../torture/fault.ts";
import { PASSPHRASE, createJunk, privateFolder } from "../vault/home.ts";
import { atTerminal, environment, vault } from "./vault-command.ts";

const SIGNER = fileURLToPath(new URL("../../bin/x402-signer.ts", import.meta.url));
const VAULT = SIGNER.replace("signer.ts", "vault.ts");
const base = privateFolder();
let home: string;
let signer: ChildProcess | undefined;
let count = 0;

beforeEach(async () => {
  home = join(base, `h${count++}`);
  mkdirSync(home, { mode: 0o700 });
  (await createJunk(vaultFile())).close();
  writeFileSync(join(home, "passphrase"), PASSPHRASE, { mode: 0o600 });
});

afterEach(stop);

const vaultFile = () => join(home, "vault.enc");
const passphrase = () => ["--passphrase-file", join(home, "passphrase")];
const move = (...args: string[]) => vault(home, ["move", "--yes", ...passphrase(), ...args]);
const unlock = (...args: string[]) => vault(home, ["unlock", ...passphrase(), ...args]);
const vaultLedger = () => readHeader(vaultFile()).ledgerId;

/** The signer on the state folder of this name. */
async function start(state: string): Promise<void> {
  await stop();
  const child = spawn(process.execPath, [SIGNER, "--home", join(home, state)], {
    env: environment(home),
    stdio: ["ignore", "ignore", "pipe"],
  });
  signer = child;
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("locked, listening")) break;
  }
  child.stderr.resume();
}

async function stop(): Promise<void> {
  if (signer?.exitCode !== null) return;
  const gone = once(signer, "exit");
  signer.kill("SIGTERM");
  await gone;
}

async function connected<T>(socket: string, fn: (connection: SignerConnection) => Promise<T>): Promise<T> {
  const connection = await connectSigner(join(home, "run", socket));
  try {
    return await fn(connection);
  } finally {
    connection.close();
  }
}
const asOperator = <T>(fn: (connection: SignerConnection) => Promise<T>) => connected("operator.sock", fn);

const status = () => asOperator((operator) => operatorCall(operator, "signer.status", {}));
const apply = () =>
  asOperator((operator) => operatorCall(operator, "policy.apply", { document: POLICY, base: "" }));
const acceptances = () =>
  asOperator(async (operator) => {
    const { rows } = await operatorCall(operator, "audit.query", { after: 0 });
    return rows.map(({ body }) => JSON.parse(body) as { kind: string; assume?: string }).filter(isAcceptance);
  });
const isAcceptance = ({ kind }: { kind: string }) => kind === "ledger.accepted";

const ask = (id: string) =>
  connected("agent.sock", (agent) => agentCall(agent, "payment.sign", { intent: intent(id) }));

/** "signed" or the code. */
async function pay(id: string): Promise<string> {
  const result = await ask(id);
  return result.outcome === "signed" ? "signed" : result.check.code;
}

/** Of the token's two authorizations with one nonce the chain takes one. */
async function nonceOf(id: string): Promise<string> {
  const result = await ask(id);
  if (result.outcome !== "signed") throw new Error(result.outcome);
  return (result.payload as { authorization: { nonce: string } }).authorization.nonce;
}

const POLICY = document({ perDayMax: "1.00", totalMax: "5.00" });

/** A vault that the old signer knows, and a new signer that listens. */
async function arrive({ policy = true } = {}): Promise<string> {
  await start("old");
  expect((await unlock()).status).toBe(0);
  const old = vaultLedger()!;
  await start("new");
  if (policy) await apply();
  return old;
}

describe("move", () => {
  it("makes the vault the new signer's; budgets there are full, and the old signer refuses it", async () => {
    const old = await arrive();
    const copy = readFileSync(vaultFile());
    const before = readHeader(vaultFile());
    expect((await unlock()).stderr).toContain("this vault belongs to another ledger");
    const moved = await move();
    expect(moved.stderr).toContain(`The vault belongs to ledger ${old.slice(0, 8)}`);
    expect(moved.stderr).toContain("Stop the old signer for good");
    expect(moved.stderr).toContain("counts as used up until its window is over");
    expect(moved.stderr).toContain("A copy of the old file still works with the old signer");
    expect(moved.status).toBe(0);
    const { head } = await status();
    expect(readHeader(vaultFile())).toMatchObject({
      ledgerId: head.ledger,
      generation: before.generation + 1,
      vaultId: before.vaultId,
    });
    expect(headOnFile().ledger).toBe(head.ledger);
    expect(await acceptances()).toMatchObject([{ assume: "full" }]);
    expect((await unlock()).status).toBe(0);
    const { scopes } = await asOperator((operator) => operatorCall(operator, "budget.get", {}));
    const budgets = scopes.flatMap(({ left }) => left).filter(({ used }) => used !== undefined);
    expect(budgets.map(({ left }) => left)).toEqual(["0.00", "0.00"]);
    expect(await pay("first-here-0001")).toBe("BUDGET_EXCEEDED");
    await start("old");
    expect((await unlock()).stderr).toContain("this vault belongs to another ledger");
    // What SECURITY.md says of copies.
    writeFileSync(vaultFile(), copy);
    expect((await unlock()).stderr).toContain("head.json beside the vault");
    expect((await unlock("--no-head")).status).toBe(0);
  });

  it("counts what the operator says instead, and no more than once", async () => {
    await arrive();
    expect((await move("--assume", "0.98")).status).toBe(0);
    expect(await acceptances()).toMatchObject([{ assume: "980000" }]);
    await unlock();
    expect(await pay("first-here-0001")).toBe("signed");
    expect(await pay("first-here-0002")).toBe("signed");
    expect(await pay("first-here-0003")).toBe("DAILY_BUDGET_EXCEEDED");
    const again = await move("--assume", "0.98");
    expect(again).toMatchObject({ status: 0, stdout: "" });
    expect(again.stderr).toBe("This vault belongs to this signer already. Nothing was changed.\n");
    expect(await acceptances()).toHaveLength(1);
  });

  it("counts the same in a policy that is applied afterwards", async () => {
    await arrive({ policy: false });
    expect((await move()).stderr).toContain("has no policy");
    await apply();
    await unlock();
    expect(await pay("first-here-0001")).toBe("BUDGET_EXCEEDED");
  });

  it("makes no second nonce for an intent, and back again finds budgets full there, too", async () => {
    await start("old");
    await apply();
    await unlock();
    const nonce = await nonceOf("before-it-moved");
    await start("new");
    await apply();
    await move("--assume", "0");
    await unlock();
    expect(await nonceOf("before-it-moved")).toBe(nonce);
    await start("old");
    expect((await move()).status).toBe(0);
    expect((await unlock()).status).toBe(0);
    expect(await pay("before-it-moved")).toBe("signed"); // the same bytes again
    expect(await pay("after-it-came-back")).toBe("BUDGET_EXCEEDED");
  });
});

describe("a move that is not made", () => {
  it.each([
    ["a sum that is none", ["--assume", "12,50"], 2, "--assume is written such as 12.50"],
    ["a negative sum", ["--assume=-1"], 2, "--assume is written such as 12.50"],
    ["a wrong passphrase", ["--passphrase-file", "WRONG"], 1, "wrong passphrase"],
  ])("because of %s, changes neither side", async (_, args, exit, message) => {
    await arrive();
    const before = readFileSync(vaultFile());
    writeFileSync(join(home, "wrong"), "not the passphrase", { mode: 0o600 });
    const refused = await move(...args.map((arg) => arg.replace("WRONG", join(home, "wrong"))));
    expect(refused.stderr).toContain(message);
    expect(refused.status).toBe(exit);
    expect(readFileSync(vaultFile())).toEqual(before);
    expect(await acceptances()).toEqual([]);
  });

  it("because the vault has no ledger yet, or no signer answers, says so", async () => {
    expect(await move()).toMatchObject({ status: 2 });
    await arrive();
    await stop();
    expect(await move()).toMatchObject({ status: 3 });
    await start("new");
    await stop();
    expect(readHeader(vaultFile()).generation).toBe(2);
  });

  it.skipIf(!hasPty)("because the operator says no, or cannot be asked, changes neither side", async () => {
    await arrive();
    const before = readFileSync(vaultFile());
    const pty = atTerminal(home, ["move"]);
    await pty.answer("Passphrase: ", PASSPHRASE);
    await pty.answer("Is the old signer stopped for good? [y/N] ", "");
    expect(await pty.status()).toBe(1);
    const piped = await vault(home, ["move", ...passphrase()]);
    expect(piped.status).toBe(2);
    expect(piped.stderr).toContain("there is no terminal to ask on");
    expect(readFileSync(vaultFile())).toEqual(before);
    expect(await acceptances()).toEqual([]);
  });

  const impossible = faultsImpossible();
  it.skipIf(impossible !== undefined)(
    "to its end, killed between its two steps, has cost headroom and left the vault with the old signer",
    async () => {
      const old = await arrive();
      const fault = new Fault(vaultFile());
      try {
        fault.arm({ at: 1, action: "killBefore" });
        const args = [VAULT, "move", "--yes", ...passphrase()];
        const killed = spawnSync(process.execPath, args, { env: { ...environment(home), ...fault.env } });
        expect(killed.signal).toBe("SIGKILL");
      } finally {
        fault.remove();
      }
      expect(vaultLedger()).toBe(old);
      expect(await acceptances()).toHaveLength(1);
      expect((await unlock()).stderr).toContain("this vault belongs to another ledger");
      expect((await move()).status).toBe(0);
      expect((await unlock()).status).toBe(0);
      expect(await pay("first-here-0001")).toBe("BUDGET_EXCEEDED");
    },
  );
});

const headOnFile = () => headSchema.parse(JSON.parse(readFileSync(join(home, "head.json"), "utf8")));
