// Frames at the sockets of a running signer: requests of every method of every role, mutated, and noise.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { operatorCall } from "../../client/signer.ts";
import { isCode } from "../../protocol/errors.ts";
import { AGENT_METHODS, DESK_METHODS, OBSERVER_METHODS, OPERATOR_METHODS } from "../../protocol/methods.ts";
import { DESK_SOCKET, OBSERVER_SOCKET, OPERATOR_SOCKET, agentSocketName } from "../../protocol/places.ts";
import { encodeRequest } from "../../protocol/rpc.ts";
import type { SignerHome, SignerProcess } from "../counterparts/signer.ts";
import { intent } from "../signer/intents.ts";
import { RawClient, type RawReply } from "../signer/raw-client.ts";
import { LedgerRecord } from "../signer/record.ts";
import { formsIn } from "../signer/secrets.ts";
import { Mutator } from "./mutate.ts";
import { expectNothingTwice, onceOnRecord } from "./once.ts";
import { errorCode } from "./outcome.ts";
import { mixed, mixedDocument, onCardano, onSolana, setAdaPrice } from "./payments.ts";
import { Random } from "./random.ts";
import type { Conditions } from "./row.ts";
import { readSigned } from "./signed.ts";

interface Request {
  readonly method: string;
  readonly params: object;
}

const [SOLANA, CARDANO] = [onSolana(100), onCardano(200)];
const SHORT = onCardano(201, { maxTimeoutSeconds: 1 });
const CONTEXTS = { [SOLANA.intent.network]: SOLANA.context, [CARDANO.intent.network]: CARDANO.context };

const PARAMS: Readonly<Record<string, readonly object[]>> = {
  "session.open": [{ policy: { perSessionMax: "0.05", budgets: [{ name: "m", count: 3, window: "1m" }] } }],
  "session.close": [{ session: "s_0123456789abcdef" }],
  "payment.quote": [
    { intents: [intent("quote"), intent("quote-2", { amount: "1" })] },
    { intents: [SOLANA.intent, CARDANO.intent], contexts: CONTEXTS },
  ],
  "payment.sign": [
    { intent: intent("frame") },
    { intent: intent("frame-2", { amount: "1", claims: {} }), session: "s_0123456789abcdef", context: {} },
    ...[SOLANA, CARDANO, SHORT],
  ],
  "budget.get": [{}, { session: "s_0123456789abcdef" }],
  "history.list": [{}, { limit: 5, before: 100 }],
  "receipt.get": [{ id: intent("frame").id }],
  "vault.unlock": [
    {
      ephemeral: Buffer.alloc(32, 9).toString("base64url"),
      box: Buffer.alloc(60, 1).toString("base64url"),
      sealed: Buffer.alloc(300, 2).toString("base64url"),
      scope: { spend: "1.00", count: 3 },
    },
  ],
  "policy.apply": [{ document: mixedDocument({ perCallMax: "1.00", agents: { hostile: {} } }), base: "" }],
  "agent.freeze": [{}, { agent: "hostile" }],
  "agent.unfreeze": [{}, { agent: "hostile" }],
  "price.set": [{ symbol: "ADA", usd: "0.02", maxAge: 3600 }],
  "audit.query": [{ after: 0, limit: 3 }, { after: 1 }],
};

const requestsOf = (methods: object): Request[] =>
  Object.keys(methods).flatMap((method) => (PARAMS[method] ?? [{}]).map((params) => ({ method, params })));

/** By socket. */
export const REQUESTS: Readonly<Record<string, readonly Request[]>> = {
  [agentSocketName("default")]: requestsOf(AGENT_METHODS),
  [agentSocketName("hostile")]: requestsOf(AGENT_METHODS),
  [OPERATOR_SOCKET]: requestsOf(OPERATOR_METHODS),
  [DESK_SOCKET]: requestsOf(DESK_METHODS),
  [OBSERVER_SOCKET]: requestsOf(OBSERVER_METHODS),
};

/** A payment on Cardano with other text in place of its context. */
const withContext = (context: string): string =>
  encodeRequest(0, "payment.sign", { ...CARDANO, context: "?" })
    .trim()
    .replace('"?"', () => context);

const MANY = Array.from({ length: 500 }, (_, index) => ({
  ...{ transaction: "ab".repeat(32), index, lovelace: "1000000" },
}));
const TOKENS = Object.fromEntries(
  Array.from({ length: 600 }, (_, n) => [`${n.toString(16).padStart(56, "0")}.00`, "1"]),
);
const PARAMETERS = JSON.stringify(CARDANO.context?.["parameters"]);

/** Contexts as no library writes them: deep, long, with a key twice, of other types. */
const HOSTILE: readonly string[] = [
  "[".repeat(20_000) + "]".repeat(20_000),
  '{"utxos":'.repeat(3000) + "0" + "}".repeat(3000),
  `{"utxos":[],"utxos":${JSON.stringify(CARDANO.context?.["utxos"])},"parameters":${PARAMETERS}}`,
  `{"utxos":${JSON.stringify(MANY)},"parameters":${PARAMETERS}}`,
  `{"utxos":${JSON.stringify([{ ...MANY[0], tokens: TOKENS }])},"parameters":${PARAMETERS}}`,
  `{"utxos":${JSON.stringify([MANY[0], MANY[0]])},"parameters":${PARAMETERS}}`,
  `{"utxos":{"length":1,"0":${JSON.stringify(MANY[0])}},"parameters":${PARAMETERS}}`,
  `{"__proto__":${JSON.stringify(CARDANO.context)}}`,
  ...["null", "[]", "0", '"utxos"', "1e999", `{"recentBlockhash":"${"1".repeat(44)}"}`],
].map(withContext);

const payment = (name: number): Buffer =>
  Buffer.from(encodeRequest(name, "payment.sign", mixed(name)).trim());

const BATCH = 100;
const TOO_LONG = Buffer.alloc(70_000, "x");

export interface SocketResult {
  /** That were answered. */
  readonly frames: number;
  readonly roles: number;
  /** Of replies. */
  readonly bytes: number;
  readonly signed: number;
  /** MB of the signer's process after each third. */
  readonly rss: readonly number[];
}

export async function floodSockets(home: SignerHome, conditions: Conditions): Promise<SocketResult> {
  const signer = await open(home);
  const sockets = Object.keys(REQUESTS).map((name) => new Socket(home, name, conditions.seed));
  const answered = (): number => sockets.reduce((sum, socket) => sum + socket.answered, 0);
  const wanted = conditions.count(10_000, 1_000_000);
  const rss: number[] = [];
  for (let third = 1; third <= 3; third++) {
    while (answered() < (third * wanted) / 3) {
      await Promise.all(sockets.map((socket) => socket.batch()));
      await makeUsable(signer);
    }
    rss.push(rssOf(signer.pid));
  }
  for (const socket of sockets) socket.close();
  const signed = new Set(sockets.flatMap((socket) => [...socket.signed]));
  await expectSignedOnce(signer, signed);
  assert.deepEqual(await signer.kill("SIGTERM"), { code: 0, signal: null }, signer.output);
  signer.disconnect();
  assert.deepEqual(formsIn(signer.output, home.secrets()), []);
  assert.ok(rss[2]! < rss[0]! * 1.2 + 16, `RSS grew: ${rss.join(", ")} MB`);
  const bytes = sockets.reduce((sum, socket) => sum + socket.bytes, 0);
  return { frames: answered(), roles: sockets.length, bytes, rss, signed: signed.size };
}

/** Everything that was signed is on record, and there is nothing on record twice. */
async function expectSignedOnce(signer: SignerProcess, signed: ReadonlySet<string>): Promise<void> {
  const record = await LedgerRecord.read(signer.operator);
  const known = onceOnRecord(record);
  for (const payload of signed) assert.ok(known.has(readSigned(payload).once), `not on record: ${payload}`);
  const rows = record.ofKind("payment.reserved").map(({ agent, id }) => `${agent} ${id}`);
  assert.equal(new Set(rows).size, rows.length, "an intent was reserved twice");
  expectNothingTwice(record);
}

async function open(home: SignerHome): Promise<SignerProcess> {
  const first = await home.spawn({ args: ["--quiet"] });
  await first.unlock();
  await setAdaPrice(first);
  await first.apply(mixedDocument({ totalMax: "1000.00", agents: { hostile: {} } }));
  await first.close();
  const signer = await home.spawn();
  await makeUsable(signer);
  return signer;
}

/** Frames lock, freeze and replace the policy: what they ask after that would all be the same. */
async function makeUsable(signer: SignerProcess): Promise<void> {
  const { operator } = signer;
  await operatorCall(operator, "agent.unfreeze", {}).catch(errorCode);
  for (const agent of ["default", "hostile"])
    await operatorCall(operator, "agent.unfreeze", { agent }).catch(errorCode);
  const { state } = await signer.status();
  if (state === "locked") await signer.unlock();
}

const rssOf = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);

class Socket {
  bytes = 0;
  answered = 0;
  /** Payloads, as JSON. */
  readonly signed = new Set<string>();
  readonly #home: SignerHome;
  readonly #path: string;
  readonly #samples: readonly string[];
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #secrets: readonly Buffer[];
  readonly #pays: boolean;
  #client: RawClient | undefined;
  #batches = 0;

  constructor(home: SignerHome, name: string, seed: number) {
    this.#home = home;
    this.#path = join(this.#home.sockets, name);
    this.#samples = (REQUESTS[name] ?? []).map(({ method, params }, id) =>
      encodeRequest(id, method, params).trim(),
    );
    this.#random = new Random(seed, name);
    this.#mutator = new Mutator(this.#random);
    this.#secrets = home.secrets();
    this.#pays = REQUESTS[name]?.some(({ method }) => method === "payment.sign") ?? false;
  }

  /** Sends a batch and reads every reply to it, or to the end of the connection. */
  async batch(): Promise<void> {
    this.#client ??= await RawClient.connect(this.#path);
    const client = this.#client;
    const last = `last-${++this.#batches}`;
    for (let n = 0; n < BATCH; n++) client.write(Buffer.concat([this.#frame(), Buffer.from("\n")]));
    client.send(last, "signer.status", {});
    try {
      let reply: RawReply;
      do {
        reply = await client.reply();
        expectKnown(reply);
        const { payload } = (reply.result ?? {}) as { payload?: object };
        if (payload) this.signed.add(JSON.stringify(payload));
        this.answered += 1;
      } while (reply.id !== last);
    } catch (error) {
      assert.equal(errorCode(error), "SIGNER_UNREACHABLE");
      this.#client = undefined;
    }
    this.bytes += client.text.length;
    assert.deepEqual(formsIn(client.text, this.#secrets), []);
    client.text = "";
  }

  close(): void {
    this.#client?.close();
  }

  #frame(): Buffer {
    const random = this.#random;
    if (random.oneIn(2000)) return TOO_LONG;
    if (random.oneIn(100)) return Buffer.from(random.pick(HOSTILE));
    // So that there is something to be signed twice.
    if (this.#pays && random.oneIn(10)) return payment(random.between(300, 600));
    if (random.oneIn(10)) return Buffer.from(random.pick(this.#samples));
    const frame = this.#mutator.json(random.pick(this.#samples), random.pick(this.#samples));
    // What is not UTF-8 ends the connection, and what stands behind it is not read any more.
    return random.oneIn(1000) ? frame : Buffer.from(frame.toString("utf8"));
  }
}

function expectKnown({ error }: RawReply): void {
  if (!error) return;
  assert.ok(isCode(error.data.code), `no known code: ${error.data.code}`);
  assert.notEqual(error.data.code, "INTERNAL");
}
