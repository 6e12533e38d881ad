// x402-policy reconcile against a Cardano ledger, over the three kinds of endpoint, and every lie about it.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCall, operatorCall } from "../../client/signer.ts";
import { cardanoAddressOn } from "../../protocol/cardano-address.ts";
import { type CardanoApi, type CardanoChain, startCardanoChain } from "../counterparts/cardano-chain.ts";
import { HttpError, type Lie } from "../counterparts/cardano-http.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, idOf, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";
import type { Outcome } from "./vault-command.ts";

const HOUR = 3600;
/** Longer than 2160 blocks of 20 seconds, and than 3k/f slots. */
const [DEEP, DEEPER] = [13 * HOUR, 37 * HOUR];
const ADA = 1_000_000n;
/** A key's address on the test networks, of the base32 alphabet's making: CIP-19's example. */
const PAYEE = "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz";

let chain: CardanoChain;
let home: SignerHome;
let signer: Signer;
let from: string;

beforeEach(async () => {
  chain = await startCardanoChain("cardano:preprod");
  home = await SignerHome.ofPhrase();
  from = cardanoAddressOn("cardano:preprod", home.addressOf("cardano"))!;
  signer = await home.start({ clock: () => chain.ledger.time * 1000 });
  await signer.unlock();
  await signer.apply(rules());
  chain.ledger.fund(from, 20n * ADA);
});
afterEach(async () => {
  await signer.close();
  home.remove();
  await chain.close();
});

const rules = (changed = {}) =>
  document({
    ...{ allowedNetworks: ["cardano-preprod"], allowedAssets: ["ADA"], maxReleasePerDay: "20.00" },
    ...changed,
  });

const payment = (name: string) =>
  intent(name, { network: chain.network, asset: "lovelace", payTo: PAYEE, amount: "2000000" });

/** The transaction's bytes. */
async function sign(
  name: string,
  context: Record<string, unknown> = chain.ledger.context(from),
): Promise<Buffer> {
  await operatorCall(signer.operator, "price.set", { symbol: "ADA", usd: "0.50", maxAge: 86_400 });
  const result = await signer.sign(payment(name), { context });
  if (result.outcome !== "signed") throw new Error(JSON.stringify(result));
  return Buffer.from((result.payload as { transaction: string }).transaction, "base64");
}

function settle(bytes: Buffer): string {
  const submitted = chain.ledger.submit(bytes);
  if ("refused" in submitted) throw new Error(submitted.refused);
  return submitted.transaction;
}

type Door = readonly [api: CardanoApi, lie?: Lie];

async function reconcile(doors: readonly Door[], ...more: string[]): Promise<Outcome> {
  const urls = await Promise.all(doors.map(async ([api, lie]) => `${api}+${await chain.serve(api, lie)}`));
  const rpc = urls.flatMap((url) => ["--rpc", `cardano-preprod=${url}`]);
  return policy(home.folder, ["reconcile", "--socket", signer.running.desk, ...rpc, ...more]);
}

async function states(): Promise<Record<string, string>> {
  const { payments } = await agentCall(await signer.agent(), "history.list", {});
  return Object.fromEntries(payments.map(({ id, state }) => [id, state]));
}

const BOTH: readonly Door[] = [["blockfrost"], ["koios"]];

describe("what became of payments on Cardano", () => {
  it("is found: submitted, and never submitted", async () => {
    settle(await sign("paid"));
    await sign("unused");
    expect((await reconcile(BOTH)).stderr).toContain("nothing to look up");
    chain.ledger.advance(HOUR);
    const early = await reconcile(BOTH);
    expect([early.status, early.stdout]).toEqual([1, expect.stringContaining("wait")]);
    chain.ledger.advance(DEEP);
    await sign("alive");
    const { status, stderr } = await reconcile(BOTH);
    expect([stderr.split("\n")[0], status]).toEqual([
      expect.stringMatching(/^1 released \(1\.\d+ USD\), 1 settled, 0 left$/),
      0,
    ]);
    expect(await states()).toEqual({
      [idOf("paid")]: "settled",
      [idOf("unused")]: "released",
      [idOf("alive")]: "reserved",
    });
  });

  it("is settled also when a draft before the newest one was submitted", async () => {
    const context = chain.ledger.context(from);
    const first = settle(await sign("twice", context));
    // Its answer is lost, and a client that sees an old ledger asks again.
    chain.ledger.advance(HOUR);
    const second = await sign("twice", context);
    expect(chain.ledger.submit(second)).toHaveProperty("refused");
    chain.ledger.advance(DEEP);
    expect((await reconcile(BOTH)).stderr).toContain("0 released (0.00 USD), 1 settled, 0 left");
    expect(chain.ledger.transaction(first)).toBeDefined();
    expect(await states()).toEqual({ [idOf("twice")]: "settled" });
  });

  it("is released when its input went to another payment, and when that input was never made", async () => {
    await sign("late");
    chain.ledger.advance(HOUR);
    settle(await sign("other"));
    const utxos = [{ transaction: "ab".repeat(32), index: 0, lovelace: "20000000" }];
    await sign("made-up", { ...chain.ledger.context(from), utxos });
    chain.ledger.advance(DEEP);
    await reconcile(BOTH);
    expect(await states()).toEqual({
      [idOf("late")]: "released",
      [idOf("other")]: "settled",
      [idOf("made-up")]: "released",
    });
  });

  it("is told by a node of one's own as far as that knows: of what is unspent, a day and a half later", async () => {
    settle(await sign("paid"));
    await sign("unused");
    chain.ledger.advance(DEEP);
    const doors: readonly Door[] = [["ogmios"], ["koios"]];
    expect((await reconcile(doors)).stdout).toContain("wait");
    chain.ledger.advance(DEEPER);
    const { stdout } = await reconcile(doors);
    expect(stdout).toMatch(new RegExp(`^released .*${idOf("unused")}$`, "m"));
    expect(stdout).toMatch(new RegExp(`^left .*${idOf("paid")} +fewer than two endpoints prove it$`, "m"));
  });
});

describe("nothing is released on Cardano by", () => {
  const missing = (): never => {
    throw new HttpError(404, { status_code: 404 });
  };
  /** Blockfrost, of a ledger in which nothing was spent since. */
  const unspent: Lie = (what, _, honest) => {
    if (what === "GET /txs/{}") return missing();
    const answer = honest() as { outputs?: object[] };
    if (what !== "GET /txs/{}/utxos") return answer;
    return { ...answer, outputs: answer.outputs?.map((one) => ({ ...one, consumed_by_tx: null })) };
  };
  const answering =
    (asked: string, change: (honest: never) => unknown): Lie =>
    (what, _, honest) =>
      what === asked ? change(honest() as never) : honest();

  async function paidBut(second: Door): Promise<{ stdout: string; stderr: string }> {
    settle(await sign("paid"));
    chain.ledger.advance(DEEP);
    const { status, stdout, stderr } = await reconcile([["koios"], second]);
    expect([status, await states()]).toEqual([1, { [idOf("paid")]: "expired" }]);
    return { stdout, stderr };
  }

  it("one endpoint that calls a spent input unspent; two that do, up to maxReleasePerDay", async () => {
    expect((await paidBut(["blockfrost", unspent])).stdout).toContain("the endpoints do not agree");
    settle(await sign("second"));
    chain.ledger.advance(DEEP);
    await signer.apply(rules({ maxReleasePerDay: "1.50" }));
    const lied = await reconcile([
      ["blockfrost", unspent],
      ["blockfrost", unspent],
    ]);
    expect(lied.stderr).toMatch(/^1 released \(1\.\d+ USD\), 0 settled, 1 left/);
    expect(lied.stdout).toContain("it would pass the policy's maxReleasePerDay");
  });

  it.each<[string, string, Door]>([
    [
      "fills in no spender, and has the transaction",
      "contradicts itself",
      [
        "blockfrost",
        answering("GET /txs/{}/utxos", ({ outputs }: { outputs: object[] }) => ({
          outputs: outputs.map((one) => ({ ...one, consumed_by_tx: null })),
        })),
      ],
    ],
    [
      "knows of no spenders",
      "",
      [
        "blockfrost",
        answering("GET /txs/{}/utxos", ({ outputs }: { outputs: { output_index: number }[] }) => ({
          outputs: outputs.map(({ output_index }) => ({ output_index })),
        })),
      ],
    ],
    [
      "is on another network",
      "serves a network with magic 2",
      ["blockfrost", answering("GET /genesis", () => ({ network_magic: 2 }))],
    ],
    [
      "has an old ledger",
      "",
      [
        "blockfrost",
        (what, asked, honest) =>
          what === "GET /blocks/latest"
            ? { ...(honest() as object), height: 4000 }
            : unspent(what, asked, honest),
      ],
    ],
    [
      "is a proxy that knows nothing",
      "with HTTP 404",
      [
        "blockfrost",
        (what, _, honest) => {
          if (what.startsWith("GET /txs")) throw new HttpError(404, {});
          return honest();
        },
      ],
    ],
    [
      "calls a spent output unspent, and has the transaction",
      "contradicts itself",
      [
        "koios",
        answering("POST /utxo_info", (list: object[]) => list.map((one) => ({ ...one, is_spent: false }))),
      ],
    ],
    ["has pruned the output", "", ["koios", answering("POST /utxo_info", () => [])]],
    [
      "is a node on another network",
      "serves a network with magic 764824073",
      ["ogmios", answering("queryNetwork/genesisConfiguration", () => ({ networkMagic: 764824073 }))],
    ],
  ])("an endpoint that %s", async (_, why, door) => {
    expect((await paidBut(door)).stderr).toContain(why);
  });
});

describe("keys of endpoints", () => {
  const keyFile = (text: string, mode = 0o600): string => {
    const file = join(home.folder, "key");
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };

  it("come from a file, and go to their host alone", async () => {
    const seen: Record<string, unknown>[] = [];
    const noting: Lie = (_, { headers }, honest) => {
      seen.push({ project: headers["project_id"], authorization: headers.authorization });
      return honest();
    };
    await sign("one");
    chain.ledger.advance(DEEP);
    const url = await chain.serve("blockfrost", noting);
    const other = await chain.serve("koios", noting);
    const rpc = ["--rpc", `cardano-preprod=blockfrost+${url}`, "--rpc", `cardano-preprod=koios+${other}`];
    const key = `${new URL(url).host}=${keyFile("preprodSECRET\n")}`;
    const run = (...more: string[]): Promise<Outcome> =>
      policy(home.folder, ["reconcile", "--socket", signer.running.desk, ...rpc, ...more]);
    const { status, stdout, stderr } = await run("--key", key);
    expect([status, stdout + stderr]).toEqual([0, expect.not.stringContaining("SECRET")]);
    expect(new Set(seen.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ project: "preprodSECRET" }), "{}"]),
    );
    const open = await run("--key", `${new URL(url).host}=${keyFile("SECRET", 0o644)}`);
    expect([open.status, open.stderr]).toEqual([2, expect.stringContaining("others can read")]);
    const nobody = await run("--key", `other.example=${keyFile("SECRET")}`);
    expect([nobody.status, nobody.stderr]).toEqual([2, expect.stringContaining("no --rpc on it")]);
  });

  it("are not needed to be told what an endpoint must say of itself", async () => {
    for (const url of ["https://one.example", "dbsync+https://one.example"]) {
      const { status, stderr } = await policy(home.folder, ["reconcile", "--rpc", `cardano=${url}`]);
      expect([status, stderr]).toEqual([2, expect.stringContaining("cardano=koios+https://…")]);
    }
    const evm = await policy(home.folder, ["reconcile", "--rpc", "base=koios+https://one.example"]);
    expect([evm.status, evm.stderr]).toEqual([2, expect.stringContaining("base=https://…")]);
  });
});
