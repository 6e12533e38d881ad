// x402-policy reconcile against a real chain, with a second endpoint before it that is honest or is not.
import type { ServerResponse } from "node:http";
import { type Hex, parseAbi, parseSignature } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { agentCall } from "../../client/signer.ts";
import { type Chain, devAccount, startChain } from "../counterparts/chain.ts";
import { listen } from "../counterparts/listen.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { deskOf, unresolved } from "../signer/findings.ts";
import { document, idOf, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";
import type { Outcome } from "./vault-command.ts";

const ABI = parseAbi([
  "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
  "function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
]);

interface Authorization {
  from: Hex;
  to: Hex;
  value: string;
  validAfter: string;
  validBefore: string;
  nonce: Hex;
}

let chain: Chain;
let home: SignerHome;
let signer: Signer;
/** Unix ms, the signer's and the chain's. */
let now: number;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  chain = await startChain();
});
afterAll(async () => {
  await chain.close();
});

beforeEach(async () => {
  const { timestamp } = await chain.client.getBlock();
  now = Number(timestamp) * 1000 + 1000;
  home = await SignerHome.make();
  await chain.mint(home.address, 1_000_000n);
  signer = await home.start({ clock: () => now });
  await signer.unlock();
  await signer.apply(document({ maxReleasePerDay: "5.00" }));
});
afterEach(async () => {
  await signer.close();
  home.remove();
  for (const close of closing.splice(0)) await close();
});

interface Payload {
  readonly signature: Hex;
  readonly authorization: Authorization;
}

async function sign(name: string): Promise<Payload> {
  const result = await signer.sign(intent(name));
  if (result.outcome !== "signed") throw new Error(result.outcome);
  return result.payload as unknown as Payload;
}

const vrs = (signature: Hex) => {
  const { r, s, yParity } = parseSignature(signature);
  return [27 + yParity, r, s] as const;
};

async function settle({ signature, authorization: a }: Payload): Promise<void> {
  const args = [
    ...([a.from, a.to, BigInt(a.value), BigInt(a.validAfter), BigInt(a.validBefore), a.nonce] as const),
    ...vrs(signature),
  ] as const;
  const call = { address: chain.token, abi: ABI, account: devAccount(0) } as const;
  const hash = await chain.client.writeContract({ ...call, functionName: "transferWithAuthorization", args });
  await chain.client.waitForTransactionReceipt({ hash });
}

/** By the account's own key, which the signer never uses for it. */
async function cancel({ authorization: { from, nonce } }: Payload): Promise<void> {
  const owner = privateKeyToAccount(`0x${home.secrets().at(-1)!.toString("hex")}`);
  const signature = await owner.signTypedData({
    domain: { name: "USDC", version: "2", chainId: chain.chainId, verifyingContract: chain.token },
    types: {
      CancelAuthorization: [
        { name: "authorizer", type: "address" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "CancelAuthorization",
    message: { authorizer: from, nonce },
  });
  const call = { address: chain.token, abi: ABI, account: devAccount(0) } as const;
  const args = [from, nonce, ...vrs(signature)] as const;
  const hash = await chain.client.writeContract({ ...call, functionName: "cancelAuthorization", args });
  await chain.client.waitForTransactionReceipt({ hash });
}

/** Both clocks go on; what was on the chain before is final afterwards, and a block after that moment too. */
async function pass(seconds: number, blocks = 70): Promise<void> {
  now += seconds * 1000;
  await chain.client.setNextBlockTimestamp({ timestamp: BigInt(Math.floor(now / 1000)) });
  await chain.client.mine({ blocks, interval: 1 });
  now += blocks * 1000;
}

type Change = (method: string, result: unknown) => unknown;

/** Another endpoint on the same chain, that tells what `change` makes of the answers. */
async function endpoint(change: Change = (_, result) => result): Promise<string> {
  return await server(async (body, response) => {
    const request = JSON.parse(body) as { method: string };
    const answer = await fetch(chain.url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    const json = (await answer.json()) as { result: unknown };
    response.end(JSON.stringify({ ...json, result: change(request.method, json.result) }));
  });
}

async function server(answer: (body: string, response: ServerResponse) => unknown): Promise<string> {
  const { url, close } = await listen((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => void answer(body, response));
  });
  closing.push(close);
  return url;
}

const reconcile = (urls: readonly string[], ...more: string[]): Promise<Outcome> => {
  const rpc = urls.flatMap((url) => ["--rpc", `base-sepolia=${url}`]);
  return policy(home.folder, ["reconcile", "--socket", signer.running.desk, ...rpc, ...more]);
};

async function states(): Promise<Record<string, string>> {
  const { payments } = await agentCall(await signer.agent(), "history.list", {});
  return Object.fromEntries(payments.map(({ id, state }) => [id, state]));
}

describe("what became of payments", () => {
  it("is found: never used, used, cancelled, and still alive", async () => {
    const [, paid, cancelled, late] = [
      await sign("unused"),
      await sign("paid"),
      await sign("cancelled"),
      await sign("late-cancel"),
    ];
    await settle(paid);
    await cancel(cancelled);
    await pass(120);
    // After its end; the event is in a later block.
    await cancel(late);
    await pass(60);
    await sign("alive");
    const { status, stdout, stderr } = await reconcile([chain.url, await endpoint()]);
    expect(stderr.split("\n")).toEqual([
      "3 released (0.03 USD), 1 settled, 0 left",
      "0.03 of 5.00 USD (maxReleasePerDay) were released today, in UTC",
      "",
    ]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^released +default +0\\.01 USD +base-sepolia +${idOf("unused")}$`, "m"),
    );
    expect(stdout).toMatch(new RegExp(`^settled +default +0\\.01 USD +base-sepolia +${idOf("paid")}$`, "m"));
    expect(await states()).toEqual({
      [idOf("unused")]: "released",
      [idOf("paid")]: "settled",
      [idOf("cancelled")]: "released",
      [idOf("late-cancel")]: "released",
      [idOf("alive")]: "reserved",
    });
    const again = await reconcile([chain.url, await endpoint()]);
    expect([again.status, again.stdout]).toEqual([0, ""]);
  });

  it("waits until a block after the end is final", async () => {
    await sign("early");
    // The newest block is after the end, the newest final one is not.
    await pass(120, 2);
    const { status, stdout } = await reconcile([chain.url, await endpoint()]);
    expect([status, stdout]).toEqual([1, expect.stringContaining("wait")]);
    expect(await states()).toEqual({ [idOf("early")]: "expired" });
    await pass(1);
    expect((await reconcile([chain.url, await endpoint()])).status).toBe(0);
  });
});

describe("nothing is released by", () => {
  const USED = `0x${"0".repeat(63)}1`;
  const UNUSED = `0x${"0".repeat(64)}`;
  const lie =
    (method: string, result: unknown): Change =>
    (asked, honest) =>
      asked === method ? result : honest;

  /** The last line of what is said of one payment that was never used. */
  async function left(second: string, ...more: string[]): Promise<{ line: string; stderr: string }> {
    await sign("one");
    await pass(120);
    const { status, stdout, stderr } = await reconcile([chain.url, second], "--json", ...more);
    expect(status).toBe(1);
    expect(await states()).toEqual({ [idOf("one")]: "expired" });
    const { outcome, because } = JSON.parse(stdout) as { outcome: string; because: string };
    return { line: `${outcome}: ${because}`, stderr };
  }

  it("an endpoint that denies what the other proves", async () => {
    const { line } = await left(await endpoint(lie("eth_call", USED)));
    // Used, it says, and shows no event of it: it has no vote.
    expect(line).toBe("left: it was used or cancelled, and no event tells which");
  });

  it("an endpoint that calls a used one unused, while the other tells the truth", async () => {
    await settle(await sign("paid"));
    await pass(120);
    const { status } = await reconcile([chain.url, await endpoint(lie("eth_call", UNUSED))]);
    expect([status, await states()]).toEqual([1, { [idOf("paid")]: "expired" }]);
    // Without the liar.
    await reconcile([chain.url, await endpoint()]);
    expect(await states()).toEqual({ [idOf("paid")]: "settled" });
  });

  it("an endpoint that calls the event of a payment a cancellation", async () => {
    await settle(await sign("paid"));
    await pass(120);
    const change: Change = (method, result) =>
      method === "eth_getLogs"
        ? (result as { topics: string[] }[]).map((log) => ({
            ...log,
            topics: [
              "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81",
              ...log.topics.slice(1),
            ],
          }))
        : result;
    const { status, stdout } = await reconcile([chain.url, await endpoint(change)]);
    expect([status, stdout]).toEqual([1, expect.stringContaining("the endpoints do not agree")]);
    expect(await states()).toEqual({ [idOf("paid")]: "expired" });
  });

  it("an endpoint on another chain", async () => {
    const { line, stderr } = await left(await endpoint(lie("eth_chainId", "0x1")));
    expect([line, stderr]).toEqual([
      "left: fewer than two endpoints prove it",
      expect.stringContaining("serves eip155:1"),
    ]);
  });

  it("an endpoint that answers old blocks", async () => {
    const old = await chain.client.getBlock();
    const block = {
      number: `0x${old.number.toString(16)}`,
      hash: old.hash,
      timestamp: `0x${old.timestamp.toString(16)}`,
    };
    const { line } = await left(await endpoint(lie("eth_getBlockByNumber", block)));
    expect(line).toContain("wait");
  });

  it("an endpoint that has another block at the same height", async () => {
    const fork: Change = (method, result) =>
      method === "eth_getBlockByNumber" ? { ...(result as object), hash: `0x${"f".repeat(64)}` } : result;
    expect((await left(await endpoint(fork))).line).toBe("left: the endpoints do not agree");
  });

  it("an endpoint that is slow, down, or talks without end", async () => {
    const slow = await server(() => undefined);
    expect((await left(slow, "--timeout", "1")).stderr).toContain(`${slow} is too slow (eth_chainId)`);
    const tooFew = "fewer than two endpoints prove it";
    const endless = await server((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const cases: [string, string][] = [
      ["http://127.0.0.1:1", "cannot be read (eth_chainId)"],
      [endless, "answers eth_chainId without end"],
      [await server((_, response) => response.writeHead(500).end()), "answers eth_chainId with HTTP 500"],
      [await server((_, response) => response.end("[]")), "answers eth_chainId with something else"],
      [await server((_, response) => response.end("{")), "cannot be read (eth_chainId)"],
      [
        await server((_, response) => response.writeHead(307, { location: chain.url }).end()),
        "cannot be read (eth_chainId)",
      ],
      [await endpoint(lie("eth_call", "0x")), "answers eth_call with something else"],
      [await endpoint(lie("eth_call", `0x${"0".repeat(63)}2`)), "answers eth_call with no bool"],
      [await endpoint(lie("eth_getBlockByNumber", null)), "has no answer to eth_getBlockByNumber"],
    ];
    for (const [url, why] of cases) {
      const { status, stdout, stderr } = await reconcile([chain.url, url]);
      expect([status, stderr.split("\n")[0]]).toEqual([1, `${url} ${why}`]);
      expect(stdout).toContain(tooFew);
    }
    expect(await states()).toEqual({ [idOf("one")]: "expired" });
    // Two that agree release it, whatever the third does.
    expect((await reconcile([chain.url, "http://127.0.0.1:1", await endpoint()])).status).toBe(0);
    expect(await states()).toEqual({ [idOf("one")]: "released" });
  });

  it("an endpoint that is asked too much, when it waits: it is asked again", async () => {
    await sign("one");
    await pass(120);
    let refusals = 0;
    const busy = await server(async (body, response) => {
      if (refusals++ < 3) return response.writeHead(429, { "retry-after": "0" }).end();
      const headers = { "content-type": "application/json" };
      return response.end(await (await fetch(chain.url, { method: "POST", body, headers })).text());
    });
    expect((await reconcile([chain.url, busy])).status).toBe(0);
    expect(await states()).toEqual({ [idOf("one")]: "released" });
    await sign("two");
    await pass(120);
    const always = await server((_, response) => response.writeHead(429, { "retry-after": "0" }).end());
    expect((await reconcile([chain.url, always])).stderr).toContain("answers eth_chainId with HTTP 429");
  });

  it("a policy that allows no release", async () => {
    await signer.apply(document());
    const { line, stderr } = await left(await endpoint());
    expect(line).toBe("left: it would pass the policy's maxReleasePerDay");
    expect(stderr).toContain("0.00 of 0.00 USD (maxReleasePerDay)");
  });
});

describe("wrong use", () => {
  const said = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await policy(home.folder, [
      "reconcile",
      "--socket",
      signer.running.desk,
      ...args,
    ]);
    expect(status).toBe(2);
    return stderr;
  };

  it("is one endpoint, or one that is named twice", async () => {
    expect(await said()).toContain("--rpc");
    const few = "base needs 2 to 8 endpoints with different hosts";
    expect(await said("--rpc", "base=https://one.example")).toContain(few);
    expect(
      await said("--rpc", "base=https://one.example/a", "--rpc", "base=https://one.example/b"),
    ).toContain(few);
  });

  it("is a URL that is not safe; what is secret in one is told to nobody", async () => {
    for (const url of [
      "http://one.example/SECRET",
      "https://user:SECRET@one.example",
      "ftp://one.example/SECRET",
    ]) {
      const stderr = await said("--rpc", `base=${url}`, "--rpc", "base=https://two.example");
      expect(stderr).toContain("the URL for eip155:8453 cannot be used");
      expect(stderr).not.toContain("SECRET");
    }
    await sign("one");
    await pass(120);
    const { stdout, stderr } = await reconcile([`${chain.url}/SECRET`, "http://127.0.0.1:1/SECRET"]);
    expect(stdout + stderr).not.toContain("SECRET");
  });
});

it("says that there is nothing to look up", async () => {
  await sign("alive");
  const { status, stderr } = await reconcile([chain.url, await endpoint()]);
  expect([status, stderr]).toEqual([0, "nothing to look up: no payment has expired unresolved\n"]);
});

it("pages through many payments, more than one request holds", async () => {
  for (let n = 0; n < 30; n++) await sign(`many-${n}`);
  await pass(120);
  const { status, stderr } = await reconcile([chain.url, await endpoint()]);
  expect([status, stderr.split("\n")[0]]).toEqual([0, "30 released (0.30 USD), 0 settled, 0 left"]);
  const desk = await deskOf(signer);
  expect(await unresolved(desk, 7)).toEqual([]);
  desk.close();
});
