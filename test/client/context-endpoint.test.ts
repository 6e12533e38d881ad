// An endpoint that is slow, dead, huge, elsewhere or talkative: the next one is asked, the caller learns which and why, and
// neither a key nor a word of the endpoint's gets out.
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { X402Error } from "../../protocol/errors.ts";
import { MAX_ANSWER_BYTES } from "../../client/context/endpoint.ts";
import { NoAnswer } from "../../client/context/failover.ts";
import { type ContextSources, sourcesOf } from "../../client/context/sources.ts";
import type { SolanaSource } from "../../client/context/solana.ts";
import { flood } from "../counterparts/hostile-shop.ts";
import { DEVNET, DEVNET_GENESIS } from "../counterparts/solana-chain.ts";
import {
  type Answer,
  type Question,
  methodOf,
  rpcResult,
  silence,
  startProvider,
  status,
} from "./providers.ts";

const HASH = "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N";
const VALUE = { blockhash: HASH, lastValidBlockHeight: 300 };
const good = (question: Question): Answer =>
  methodOf(question) === "getGenesisHash"
    ? rpcResult(DEVNET_GENESIS)
    : rpcResult({ context: {}, value: VALUE });
const except = (bad: Answer) => (question: Question) =>
  methodOf(question) === "getLatestBlockhash" ? bad : good(question);

const sourceOf = (rpc: string[], timeoutMs = 2_000) =>
  sourcesOf({ "solana-devnet": { rpc, timeoutMs } }).get(DEVNET) as SolanaSource;
const known = { context: { recentBlockhash: HASH, lastValidBlockHeight: 300 }, cached: false };

const half: Answer = (response) => {
  response.writeHead(200).write(`{"jsonrpc"`);
};
const hangUp: Answer = (response) => {
  response.destroy();
};
const noText: Answer = (response) => {
  response.end(Buffer.from([0x22, 0xff, 0x22]));
};
const zeros = flood(3 * MAX_ANSWER_BYTES);
const BAD: readonly (readonly [string, Answer, string])[] = [
  ["nothing, ever", silence, "is too slow"],
  ["half an answer", half, "is too slow"],
  ["12 MB", zeros.answer(200, `{"result":"`), "answers without end"],
  ["HTML", "<html><script>alert(1)</script></html>", "answers with something that is not JSON"],
  ["bytes that are no text", noText, "answers with something that is not JSON"],
  [
    "a redirect to another host",
    status(307, { location: "https://elsewhere.example/" }),
    "cannot be reached",
  ],
  ["a hang-up", hangUp, "cannot be reached"],
  ["HTTP 500", status(500), "answers with HTTP 500"],
  ["HTTP 403", status(403), "answers with HTTP 403"],
  ["HTTP 404", status(404), "has no answer to getLatestBlockhash"],
  [
    "an RPC error",
    { jsonrpc: "2.0", id: 1, error: { code: -32005, message: "pay me" } },
    "has no answer to getLatestBlockhash",
  ],
  ["null", "null", "has no answer to getLatestBlockhash"],
  [
    "a nest",
    `{"result":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
    "answers with something that is no blockhash",
  ],
  [
    "garbage for a blockhash",
    rpcResult({ value: { ...VALUE, blockhash: "<script>" } }),
    "answers with something that is no blockhash",
  ],
  [
    "33 bytes",
    rpcResult({ value: { ...VALUE, blockhash: `z${HASH}`.slice(0, 44) } }),
    "answers with something that is no blockhash",
  ],
  [
    "a height below zero",
    rpcResult({ value: { ...VALUE, lastValidBlockHeight: -1 } }),
    "answers with something that is no blockhash",
  ],
];

describe("an endpoint that answers with", () => {
  it.each(BAD)("%s is passed over, and named when there is no other", async (_, bad, why) => {
    const liar = await startProvider(except(bad));
    const honest = await startProvider(good);
    const key = "/v2/a-key-in-the-path?api-key=another";
    const patience = why === "is too slow" ? 400 : 10_000;
    expect(await sourceOf([liar.url + key, honest.url], patience).context()).toEqual(known);
    const error: unknown = await sourceOf([liar.url + key], patience)
      .context()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoAnswer);
    expect((error as Error).message).toBe(`${liar.url} ${why}`);
    expect(inspect(error, { depth: 9 })).not.toMatch(/a-key-in-the-path|another|secret|script/);
  });

  it("an endless body is not read to its end", () => {
    expect(zeros.sent()).toBeLessThan(4 * 3 * MAX_ANSWER_BYTES);
  });
});

describe("several endpoints", () => {
  it("are asked in order, and one that failed comes last for a while", async () => {
    const broken = await startProvider(() => status(503));
    const first = await startProvider(good);
    const second = await startProvider(good);
    const source = sourceOf([broken.url, first.url, second.url]);
    for (let i = 0; i < 3; i++) {
      expect(await source.context()).toEqual(known);
      source.forget();
    }
    expect([broken.asked.length, first.asked.length, second.asked.length]).toEqual([1, 1 + 3, 0]);
  });

  it("that all fail are asked twice, those whose answer will not change once", async () => {
    const [busy, forbidden] = await Promise.all([
      startProvider(() => status(429)),
      startProvider(() => status(401)),
    ]);
    await expect(sourceOf([busy.url, forbidden.url]).context()).rejects.toThrow(
      `${busy.url} answers with HTTP 429; ${forbidden.url} answers with HTTP 401`,
    );
    expect([busy.asked.length, forbidden.asked.length]).toEqual([2, 1]);
  });

  it("take three times the time of one request at most, however many there are", async () => {
    const slow = await Promise.all(Array.from({ length: 8 }, () => startProvider(() => silence)));
    const start = performance.now();
    await expect(
      sourceOf(
        slow.map(({ url }) => url),
        200,
      ).context(),
    ).rejects.toThrow(NoAnswer);
    expect(performance.now() - start).toBeLessThan(3 * 200 + 1_000);
  });

  it("of another cluster are never believed, and asked which they are once", async () => {
    const mainnet = await startProvider((question) =>
      methodOf(question) === "getGenesisHash"
        ? rpcResult("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKhUHGVwoP7ow")
        : good(question),
    );
    const source = sourceOf([mainnet.url]);
    for (let i = 0; i < 3; i++)
      await expect(source.context()).rejects.toThrow(`${mainnet.url} serves another network`);
    expect(mainnet.asked.map(methodOf)).toEqual(["getGenesisHash"]);
  });

  it("of a cluster that does not tell which it is are asked again next time", async () => {
    let isUp = false;
    const late = await startProvider((question) => (isUp ? good(question) : status(503)));
    const source = sourceOf([late.url]);
    await expect(source.context()).rejects.toThrow(NoAnswer);
    isUp = true;
    expect(await source.context()).toEqual(known);
  });
});

describe("a blockhash", () => {
  it("is kept for seconds, asked for once by callers at the same time, and for anew when it is to be forgotten", async () => {
    const { url, asked } = await startProvider(good);
    const source = sourceOf([url]);
    const all = await Promise.all([source.context(), source.context(), source.context()]);
    expect(all[0]).toEqual(known);
    expect(await source.context()).toEqual({ ...known, cached: true });
    expect(asked.map(methodOf)).toEqual(["getGenesisHash", "getLatestBlockhash"]);
    expect((asked[1]!.body as { params: unknown }).params).toEqual([{ commitment: "finalized" }]);
    source.forget();
    expect(await source.context()).toEqual(known);
    expect(asked).toHaveLength(3);
  });

  it("that was asked for before it was to be forgotten is not kept", async () => {
    const waiting: (() => void)[] = [];
    const { url } = await startProvider((question) => {
      if (methodOf(question) === "getGenesisHash") return good(question);
      return (response) => waiting.push(() => response.end(JSON.stringify({ result: { value: VALUE } })));
    });
    const source = sourceOf([url]);
    const old = source.context();
    while (waiting.length < 1) await new Promise(setImmediate);
    source.forget();
    waiting[0]!();
    expect(await old).toEqual(known);
    const fresh = source.context();
    while (waiting.length < 2) await new Promise(setImmediate);
    waiting[1]!();
    expect(await fresh).toEqual(known);
  });
});

describe("the context option", () => {
  const refused: readonly (readonly [string, ContextSources])[] = [
    ["an unknown network", { bass: { rpc: ["https://x.example"] } }],
    ["an EVM network", { base: { rpc: ["https://x.example"] } }],
    ["another rail's sources", { cardano: { rpc: ["https://x.example"] } }],
    ["Solana's as Cardano's", { solana: { koios: ["https://x.example"] } }],
    ["none", { solana: { rpc: [] } }],
    ["none of Cardano's", { cardano: {} }],
    ["a misspelt name", { cardano: { blokfrost: [] } as never }],
    ["http elsewhere", { solana: { rpc: ["http://10.0.0.1:8899"] } }],
    ["http on a host that looks like this one", { solana: { rpc: ["http://127.0.0.1.example/"] } }],
    ["another scheme", { solana: { rpc: ["file:///etc/passwd"] } }],
    ["a password", { solana: { rpc: ["https://me:hunter2@x.example"] } }],
    ["no URL", { "cardano-preprod": { koios: ["preprod"] } }],
    [
      "the same network twice",
      {
        solana: { rpc: ["https://x.example"] },
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp": { rpc: ["https://x.example"] },
      },
    ],
  ];
  it.each(refused)("with %s is USAGE", (_, option) => {
    let error: unknown;
    try {
      sourcesOf(option);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(X402Error);
    expect(error).toMatchObject({ code: "USAGE" });
    expect((error as X402Error).message + (error as X402Error).hint).not.toMatch(/hunter2|passwd/);
  });

  it("knows networks by each of their names, and Blockfrost's places", () => {
    const sources = sourcesOf({
      solana: { rpc: ["https://x.example/?api-key=1"] },
      "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1": { rpc: ["http://[::1]:8899"] },
      "cip34:1-764824073": { blockfrost: [{ projectId: "mainnet123" }] },
      "cardano-preview": {
        ogmios: ["http://localhost:1337"],
        koios: [{ url: "https://k.example", token: "t" }],
      },
    });
    expect([...sources.keys()]).toEqual([
      "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
      DEVNET,
      "cardano:mainnet",
      "cardano:preview",
    ]);
  });
});
