// What is not a request, what is not this role's, and what looks like something else: each gets its code, and every
// other client is served meanwhile.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { AGENT_METHODS, DESK_METHODS, OBSERVER_METHODS, OPERATOR_METHODS } from "../../protocol/methods.ts";
import { MAX_REQUEST_BYTES } from "../../protocol/rpc.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";
import { RawClient, type RawReply } from "./raw-client.ts";
import { LedgerRecord } from "./record.ts";
import { formsIn } from "./secrets.ts";

let home: SignerHome;
let signer: Signer;
let raw: RawClient;
let log = "";
const clients: RawClient[] = [];

async function connect(agent = "default", options = {}): Promise<RawClient> {
  const client = await RawClient.connect(signer.socketOf(agent), options);
  clients.push(client);
  return client;
}

beforeAll(async () => {
  home = await SignerHome.make();
  signer = await home.start({
    log: (lines) => {
      log += lines;
    },
  });
  await signer.unlock();
  await signer.apply(document());
});

beforeEach(async () => {
  raw = await connect();
});

afterAll(async () => {
  const secrets = home.secrets();
  for (const client of clients) client.close();
  await signer.close();
  const files = readdirSync(home.state).map((name) => readFileSync(join(home.state, name)));
  for (const bytes of [...clients.map(({ text }) => text), log, ...files]) {
    expect(formsIn(bytes, secrets)).toEqual([]);
  }
  home.remove();
});

const codeIn = ({ error }: RawReply): string | undefined => error?.data.code;

/** The connection goes on after a bad line. */
async function expectServed(client = raw): Promise<void> {
  client.send("still here", "signer.status", {});
  expect(await client.reply()).toMatchObject({ id: "still here", result: { state: "unlocked" } });
}

const request = (changed: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 7, method: "signer.status", params: {}, ...changed });

describe("a line that is no request", () => {
  it.each([
    ["nothing", ""],
    ["text", "hello"],
    ["half an object", '{"jsonrpc":"2.0"'],
    ["two objects", `${request({})}${request({})}`],
    ["a batch", `[${request({})}]`],
    ["an empty batch", "[]"],
    ["a number", "17"],
    ["null", "null"],
    ["a notification", '{"jsonrpc":"2.0","method":"signer.status","params":{}}'],
    ["an id of null", request({ id: null })],
    ["an id that is an object", request({ id: {} })],
    ["an id with a fraction", request({ id: 1.5 })],
    ["an id beyond the safe integers", '{"jsonrpc":"2.0","id":1e300,"method":"signer.status"}'],
    ["an id that is too long", request({ id: "x".repeat(65) })],
    ["another version", request({ jsonrpc: "1.0" })],
    ["no version", request({ jsonrpc: undefined })],
    ["no method", request({ method: undefined })],
    ["a method that is too long", request({ method: "m".repeat(65) })],
    ["parameters in a list", request({ params: [] })],
    ["parameters that are null", request({ params: null })],
    ["another member", request({ extra: 1 })],
    ["a member __proto__", '{"jsonrpc":"2.0","id":7,"method":"signer.status","__proto__":{"id":8}}'],
    [
      "parameters with __proto__",
      '{"jsonrpc":"2.0","id":7,"method":"session.open","params":{"policy":{"__proto__":{"perCallMax":"9"}}}}',
    ],
    [
      "__proto__ in escapes",
      '{"jsonrpc":"2.0","id":7,"method":"session.open","params":{"policy":{"\\u005f_proto__":{}}}}',
    ],
    ["a duplicate id", '{"jsonrpc":"2.0","id":7,"id":8,"method":"signer.status"}'],
    ["a duplicate in escapes", '{"jsonrpc":"2.0","id":7,"\\u0069d":8,"method":"signer.status"}'],
    ["a duplicate deep inside", request({}).replace("{}", '{"a":[{"b":1,"b":2}]}')],
    ["17 levels", request({}).replace("{}", "[".repeat(16) + "]".repeat(16))],
    ["ten thousand levels", "[".repeat(10_000)],
    ["a NUL", '{"jsonrpc":"2.0","id":7,"method":"signer.status"}\0'],
    ["a byte order mark", `\uFEFF${request({})}`],
  ])("is refused: %s", async (_what, line) => {
    const reply = await raw.ask(line);
    expect([codeIn(reply), reply.id, reply.error?.code]).toEqual(["INVALID_REQUEST", null, -32600]);
    await expectServed();
  });

  it("ends the connection when it is not UTF-8, after the replies to what came before", async () => {
    await expectServed();
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      const client = await connect();
      client.write(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}\n')]));
      expect((await client.rest()).map(codeIn)).toEqual(["INVALID_REQUEST"]);
    }
    await expectServed();
  });

  it("ends the connection when it is longer than 64 KiB, with or without an end", async () => {
    for (const end of ["\n", ""]) {
      const client = await connect();
      client.write("x".repeat(MAX_REQUEST_BYTES + 1) + end);
      expect((await client.rest()).map(codeIn)).toEqual(["LINE_TOO_LONG"]);
    }
    const line = request({}).padEnd(MAX_REQUEST_BYTES);
    expect(await raw.ask(line)).toMatchObject({ id: 7, result: {} });
    await expectServed();
  });
});

describe("parameters", () => {
  const sign = (changed: object): string =>
    request({ method: "payment.sign", params: { intent: { ...intent(1), ...changed } } });

  it.each([
    ["an amount of 0", { amount: "0" }],
    ["a negative amount", { amount: "-1" }],
    ["an amount in exponents", { amount: "1e6" }],
    ["an amount in hex", { amount: "0x10" }],
    ["an amount with leading zeros", { amount: "00010" }],
    ["an amount with a space", { amount: " 1" }],
    ["an amount with a fraction", { amount: "1.0" }],
    ["an amount that is a number", { amount: 10_000 }],
    ["an amount of 79 digits", { amount: "1".repeat(79) }],
    ["an id that is too short", { id: "short" }],
    ["an id with a slash", { id: "intent/000000000001" }],
    ["an id with a line break", { id: "intent-000000000001\n" }],
    ["a network that is a name", { network: "base" }],
    ["a payee with a quote", { payTo: '0x"' }],
    ["a timeout of 0", { maxTimeoutSeconds: 0 }],
    ["a timeout of more than a year", { maxTimeoutSeconds: 31_536_001 }],
    ["another member", { signature: "0x" }],
    ["a member constructor", { constructor: { prototype: {} } }],
    ["another extra", { extra: { name: "USD Coin", version: "2" } }],
    ["another claim", { claims: { url: "https://a.example", uid: 0 } }],
  ])("are refused with the request's id: %s", async (_what, changed) => {
    const reply = await raw.ask(sign(changed));
    expect([codeIn(reply), reply.id]).toEqual(["INVALID_REQUEST", 7]);
  });

  it("beyond the method's own are refused", async () => {
    for (const method of ["signer.status", "wallet.addresses"]) {
      expect(codeIn(await raw.ask(request({ method, params: { agent: "other" } })))).toBe("INVALID_REQUEST");
    }
    const params = { intent: intent(1), agent: "other" };
    expect(codeIn(await raw.ask(request({ method: "payment.sign", params })))).toBe("INVALID_REQUEST");
    const other = { session: "s_0123456789", __proto__: null, toString: 1 };
    expect(codeIn(await raw.ask(request({ method: "session.close", params: other })))).toBe(
      "INVALID_REQUEST",
    );
  });

  it("never come back in the error as they are, nor in the log", async () => {
    const marker = "MARKER\u001b[31m";
    const lines = [
      sign({ payTo: marker }),
      sign({ [marker]: 1 }),
      request({ method: marker }),
      request({ id: `${marker}${"x".repeat(64)}` }),
      request({ method: "session.open", params: { policy: { budgets: [{ name: marker, [marker]: 1 }] } } }),
      sign({
        id: "intent-marker-000001",
        claims: { url: `https://marker.example/${marker}`, category: marker },
      }),
    ];
    for (const line of lines) {
      const { error } = await raw.ask(line);
      expect(error?.message ?? "").not.toContain("\u001b");
    }
    expect(log).not.toContain("MARKER");
  });

  it("with an amount of 2^256 are a decline, and of a claim that cannot be read too where rules ask for it", async () => {
    expect(await outcomeOf(signer.sign(intent("big", { amount: (1n << 256n).toString() })))).toBe(
      "AMOUNT_TOO_LARGE",
    );
    expect(await outcomeOf(signer.sign(intent("most", { amount: ((1n << 256n) - 1n).toString() })))).toBe(
      "BUDGET_EXCEEDED",
    );
    await expectServed();
  });
});

describe("methods", () => {
  const names = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "",
    "payment",
    "payment.sign ",
    "Payment.Sign",
  ];

  it.each(names)("that are none are not found: %j", async (method) => {
    const reply = await raw.ask(request({ method }));
    expect([codeIn(reply), reply.id, reply.error?.code]).toEqual(["METHOD_NOT_FOUND", 7, -32601]);
  });

  it("of the operator are not found on an agent's socket, whatever the parameters", async () => {
    const operators = Object.keys(OPERATOR_METHODS).filter((method) => !(method in AGENT_METHODS));
    expect(operators.length).toBeGreaterThan(4);
    for (const method of [...operators, "agent.freeze", "price.set", "ledger.accept"]) {
      expect(codeIn(await raw.ask(request({ method })))).toBe("METHOD_NOT_FOUND");
    }
    expect((await signer.status()).state).toBe("unlocked");
  });

  it("of an agent are not found on the operator's socket: nobody pays from there", async () => {
    const agents = Object.keys(AGENT_METHODS).filter((method) => !(method in OPERATOR_METHODS));
    expect(agents).toContain("payment.sign");
    const operator = await RawClient.connect(join(home.sockets, "operator.sock"));
    for (const method of agents)
      expect(codeIn(await operator.ask(request({ method })))).toBe("METHOD_NOT_FOUND");
    operator.close();
  });

  it("that both have keep an agent to its own: it cannot ask for another's", async () => {
    for (const [method, params] of [
      ["budget.get", { agent: "research" }],
      ["history.list", { agent: "research" }],
      ["payment.quote", { intents: [intent(1)], agent: "research" }],
      ["payment.quote", { intents: [intent(1)], document: document() }],
    ] as const) {
      expect(codeIn(await raw.ask(request({ method, params })))).toBe("INVALID_REQUEST");
    }
  });
});

describe("a connection", () => {
  it("gets the replies to all that it sent in one write, with their ids", async () => {
    const lines = [...Array(400).keys()].map((n) => `${request({ id: n })}\n`).join("");
    raw.write(lines);
    const ids = new Set<unknown>();
    for (let n = 0; n < 400; n++) ids.add((await raw.reply()).id);
    expect(ids.size).toBe(400);
  });

  it("that closes its side after asking gets every reply, and then the end", async () => {
    const client = await connect("default", { halfOpen: true });
    for (let n = 0; n < 300; n++) client.send(n, "payment.sign", { intent: intent(`half-${n}`) });
    client.socket.end();
    const replies = await client.rest();
    expect(replies).toHaveLength(300);
    for (const reply of replies) expect(reply).toMatchObject({ result: { outcome: "signed" } });
  });

  it("that goes away without reading loses nothing but its replies", async () => {
    const client = await connect("default", { deaf: true });
    for (let n = 0; n < 50; n++) client.send(n, "payment.sign", { intent: intent(`gone-${n}`) });
    await expectServed();
    client.close();
    await client.closed;
    for (let n = 0; n < 50; n++) expect(await outcomeOf(signer.sign(intent(`gone-${n}`)))).toBe("signed");
    const { rows } = await LedgerRecord.read(signer.operator);
    const gone = rows.filter(({ kind, id }) => kind === "payment.reserved" && id?.includes("gone"));
    expect(gone).toHaveLength(50);
  });

  it("may come in pieces: every split of a line is the same line", async () => {
    const line = Buffer.from(`${request({ id: "Grüße" })}\n`);
    for (let at = 1; at < line.length; at += 7) {
      raw.write(line.subarray(0, at));
      await new Promise(setImmediate);
      raw.write(line.subarray(at));
      expect(await raw.reply()).toMatchObject({ id: "Grüße", result: {} });
    }
  });
});

it("a connection that finishes no line and waits for nothing is closed, however much it drips", async () => {
  const other = await SignerHome.make();
  const impatient = await other.start({ idleMs: 1 });
  const [silent, dripping] = [
    await RawClient.connect(impatient.socketOf()),
    await RawClient.connect(impatient.socketOf()),
  ];
  // Faster than the signer's patience, slower than a line that is too long; nothing is awaited by the clock.
  const drip = setInterval(() => {
    dripping.write("x");
  }, 20);
  await dripping.closed;
  clearInterval(drip);
  await silent.closed;
  await impatient.close();
  other.remove();
});

it("secrets are found where there are some: the search itself", () => {
  const secrets = home.secrets();
  expect(secrets.length).toBeGreaterThanOrEqual(5);
  for (const secret of secrets) {
    for (const prefix of ["", "a", "ab", "abc"]) {
      const bytes = Buffer.concat([Buffer.from(prefix), secret, Buffer.from("tail")]);
      for (const text of [
        bytes,
        bytes.toString("hex"),
        bytes.toString("base64"),
        bytes.toString("base64url"),
        bytes.toString("hex").toUpperCase(),
      ]) {
        expect(formsIn(text, secrets)).not.toEqual([]);
      }
    }
  }
});

it("everything that a client may ask was answered above, and none of it with a secret", async () => {
  const agent = await signer.agent();
  const open = () => agentCall(agent, "session.open", { policy: { perCallMax: "0.01" } });
  const [{ session }, closing] = await Promise.all([open(), open()]);
  const connectTo = (name: string) => RawClient.connect(join(home.sockets, name));
  const [operator, desk, observer] = [
    await connectTo("operator.sock"),
    await connectTo("desk.sock"),
    await connectTo("observer.sock"),
  ];
  clients.push(operator, desk, observer);
  await signer.sign(intent("p"));
  const { receipt } = await agentCall(agent, "receipt.get", { id: intent("p").id });
  const { base: before } = await operatorCall(signer.operator, "policy.get", {});
  await operatorCall(signer.operator, "policy.apply", {
    document: document({ approve: { above: "0.50", deskMax: "1.00" } }),
    base: before,
  });
  const waiting: string[] = [];
  for (const name of ["w1", "w2", "w3", "w4"]) {
    const held = await signer.sign(intent(name, { amount: "600000" }));
    if (held.outcome === "held") waiting.push(held.approval);
  }
  const approvalFor = (method: string) =>
    method === "approval.approve" || method === "approval.deny" ? { approval: waiting.shift() } : {};
  const params: Record<string, object> = {
    "approval.get": { id: intent("w1").id },
    "budget.get": { session },
    "payment.quote": { intents: [intent("q")] },
    "payment.sign": { intent: intent("p") },
    "receipt.get": { id: intent("p").id },
    "receipt.present": { receipt },
    "audit.query": { after: 0 },
    "session.open": { policy: {} },
    "session.close": { session: closing.session },
    "price.set": { symbol: "USDC", usd: "1.00", maxAge: 60 },
    "policy.apply": {
      document: document({ perCallMax: "2.00", approve: { above: "0.50", deskMax: "1.00" } }),
      base: (await operatorCall(signer.operator, "policy.get", {})).base,
    },
  };
  for (const [client, methods] of [
    [raw, AGENT_METHODS],
    [operator, OPERATOR_METHODS],
    [desk, DESK_METHODS],
    [observer, OBSERVER_METHODS],
  ] as const) {
    // What ends the unlock, and what there is nothing to say to.
    const not = ["vault.unlock", "vault.lock", "ledger.accept", "ledger.reconcile"];
    for (const method of Object.keys(methods).filter((name) => !not.includes(name))) {
      const reply = await client.ask(
        request({
          method,
          params: (client === observer ? undefined : params[method]) ?? approvalFor(method),
        }),
      );
      expect([method, reply.error]).toEqual([method, undefined]);
    }
  }
});
