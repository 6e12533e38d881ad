// One past, many futures: a home whose ledger is put back as it was before each attempt, and what must be true of it
// after whatever was done to it.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentCall } from "../../client/signer.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { Untrue } from "../../verify/untrue.ts";
import { document } from "../signer/intents.ts";
import { CENT, Clients } from "./clients.ts";
import { errorCode } from "./outcome.ts";
import { longIntent } from "./payments.ts";

export const CAP = 120;
export const CAP_DOCUMENT = document({ totalMax: "1.20", perDayMax: "1.20" });
const PAID_BEFORE = 40;

export class Past {
  readonly home: SignerHome;
  /** As a killed signer left it, all since the last checkpoint in the log; or as one that stopped in order. */
  readonly #folders: { readonly killed: string; readonly stopped: string };
  readonly #clients: { readonly killed: Clients; readonly stopped: Clients };

  private constructor(
    home: SignerHome,
    folders: { readonly killed: string; readonly stopped: string },
    clients: { readonly killed: Clients; readonly stopped: Clients },
  ) {
    this.home = home;
    this.#folders = folders;
    this.#clients = clients;
  }

  static async make(): Promise<Past> {
    const home = await SignerHome.make();
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "x402-past-"));
    const folders = { killed: join(folder, "killed"), stopped: join(folder, "stopped") };
    const stopped = new Clients();
    const first = await home.start();
    await first.unlock();
    await first.apply(CAP_DOCUMENT);
    await pay(first, stopped, PAID_BEFORE / 2);
    await first.close();
    cpSync(home.state, folders.stopped, { recursive: true });
    const killed = stopped.copy();
    const second = await home.spawn();
    await second.unlock();
    await pay(second, killed, PAID_BEFORE / 2);
    await second.kill();
    second.disconnect();
    cpSync(home.state, folders.killed, { recursive: true });
    return new Past(home, folders, { killed, stopped });
  }

  /** Puts the ledger back, and tells what its clients know. */
  restore(how: "killed" | "stopped"): Clients {
    rmSync(this.home.state, { recursive: true, force: true });
    return this.copyInto(how, this.home.state);
  }

  /** The same, into a folder that is there. */
  copyInto(how: "killed" | "stopped", folder: string): Clients {
    cpSync(this.#folders[how], folder, { recursive: true });
    return this.#clients[how].copy();
  }

  remove(): void {
    this.home.remove();
    rmSync(join(this.#folders.killed, ".."), { recursive: true });
  }
}

async function pay(
  signer: Signer<{ close(): Promise<unknown> }>,
  clients: Clients,
  count: number,
): Promise<void> {
  const agent = await signer.agent();
  await Promise.all(Array.from({ length: count }, () => clients.ask(agent, clients.nextName())));
}

/** "recovered", or who noticed: the code by which the signer stopped signing, or "the audit" when only that tells. */
export type Verdict = { readonly recovered: true } | { readonly noticed: string };

/** Starts a signer on what is left and lets it sign as much as it will: all is on record and exactly the cap is signed. */
export async function expectWhole(home: SignerHome, clients: Clients): Promise<void> {
  const signer = await home.start();
  try {
    await spendAll(signer, clients);
    const record = await clients.expectOnRecord(signer.operator);
    assert.equal(record.reserved(), BigInt(CAP) * CENT);
    assert.equal(clients.nonces.size, CAP);
  } finally {
    await signer.close();
  }
}

/** The same after a disk has lied: no more than the cap can be used, and what is not whole is noticed. */
export async function judge(home: SignerHome, clients: Clients): Promise<Verdict> {
  let signer: Signer | undefined;
  clients.mayForget = true;
  try {
    signer = await home.start();
    await spendAll(signer, clients);
    const whole = await isWhole(signer, clients);
    return whole ? { recovered: true } : { noticed: "the audit" };
  } catch (error) {
    const code = errorCode(error);
    // A head or a policy that is not even one: the client says so.
    if (/has another shape$/.test((error as Error).message)) return { noticed: "an answer without form" };
    assert.match(code, /^LEDGER_/);
    return { noticed: code };
  } finally {
    assert.ok(clients.nonces.size <= CAP, `${clients.nonces.size} were signed, ${CAP} are allowed`);
    await signer?.close().catch(errorCode);
  }
}

/** Asks again for all that was ever signed, then for new payments until the cap is met. */
async function spendAll(signer: Signer, clients: Clients): Promise<void> {
  await signer.unlock();
  const agent = await signer.agent();
  if ((await signer.status()).policy === undefined) await signer.apply(CAP_DOCUMENT);
  await clients.repeat(agent, [...clients.held.keys()]);
  await clients.load(agent, 16, () => clients.declined > 0);
}

async function isWhole(signer: Signer, clients: Clients): Promise<boolean> {
  try {
    const record = await clients.expectOnRecord(signer.operator);
    return record.reserved() === BigInt(CAP) * CENT && clients.nonces.size === CAP && clients.redrafted === 0;
  } catch (error) {
    if (error instanceof Untrue || error instanceof assert.AssertionError) return false;
    throw error;
  }
}

/** What a day of it looks like: unlock, payments, a document, lock, unlock, payments. */
export async function oneLife(
  signer: Signer<{ close(): Promise<unknown> }>,
  clients: Clients,
): Promise<void> {
  await signer.unlock();
  const agent = await signer.agent();
  const names = [...clients.held.keys()].slice(0, 2);
  await Promise.all(names.map((name) => agentCall(agent, "payment.sign", { intent: longIntent(name) })));
  for (let round = 0; round < 3; round++) await pay(signer, clients, 12);
  await agentCall(agent, "session.open", { policy: { perCallMax: "1.00" } });
  await signer.apply({ ...CAP_DOCUMENT, perCallMax: "1.00" });
  await signer.lock();
  await signer.unlock();
  await pay(signer, clients, 12);
}
