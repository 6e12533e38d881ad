// What is learned of Cardano from each kind of provider, honest and lying; and what of it the signer is told.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CardanoSource } from "../../client/context/cardano.ts";
import { PAGE } from "../../client/context/cardano-provider.ts";
import { chooseUtxos } from "../../client/context/choose-utxos.ts";
import { sourcesOf } from "../../client/context/sources.ts";
import { MAX_UTXOS, type Utxo, cardanoContextSchema } from "../../protocol/context.ts";
import {
  type Answer,
  CARDANO,
  PARAMETERS,
  type ProviderName,
  type Question,
  type World,
  sourceFor,
  startProvider,
} from "./providers.ts";

const ADDRESS =
  "addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae";
const OTHER = "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz";
const TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
const NAMELESS = `${"ab".repeat(28)}.`;
const KINDS = Object.keys(CARDANO) as ProviderName[];
const ROOM = 60_000;

const hash = (n: number): string => n.toString(16).padStart(64, "0");
const ada = (n: number, lovelace: bigint): Utxo => ({ transaction: hash(n), index: n % 4, lovelace });
const world = (utxos: World["utxos"], magic = 1): World => ({
  address: ADDRESS,
  utxos,
  parameters: PARAMETERS,
  magic,
});

const RICH = world([
  ada(1, 5_000_000n),
  { ...ada(2, 2_000_000n), tokens: { [TUSDM]: 9_007_199_254_740_993n, [NAMELESS]: 1n } },
  { ...ada(3, 900_000_000n), datum: "hash" },
  { ...ada(4, 900_000_000n), datum: "inline" },
  { ...ada(5, 900_000_000n), script: true },
  ada(6, 44_999_999_999_999_999n),
]);
const FREE = [RICH.utxos[0]!, RICH.utxos[1]!, RICH.utxos[5]!];

const sourceOf = (...options: object[]) => {
  const merged = Object.assign({}, ...options) as never;
  return sourcesOf({ "cardano-preprod": merged }).get("cardano:preprod") as CardanoSource;
};
/** As the signer reads it. */
async function contextFrom(source: CardanoSource, assets = [TUSDM]) {
  const { context, cached } = await source.context(ADDRESS, assets, ROOM);
  return { ...cardanoContextSchema.parse(context), cached };
}
const byHash = (utxos: readonly Utxo[]) => utxos.toSorted((a, b) => (a.transaction < b.transaction ? -1 : 1));

describe.each(KINDS)("%s", (kind) => {
  const from = (answer: (question: Question) => Answer) => startProvider((question) => answer(question));
  const lying = async (change: (told: string) => string) => {
    const answer = CARDANO[kind](RICH);
    const { url } = await from((question) => {
      const said = answer(question);
      return typeof said === "function"
        ? said
        : change(typeof said === "string" ? said : JSON.stringify(said));
    });
    return sourceOf(sourceFor(kind, url));
  };

  it("tells outputs without datum and script, exactly, and the parameters", async () => {
    const { url, asked } = await from(CARDANO[kind](RICH));
    const { utxos, parameters, cached } = await contextFrom(sourceOf(sourceFor(kind, `${url}/api/v0/`)));
    expect([byHash(utxos), parameters, cached]).toEqual([FREE, PARAMETERS, false]);
    for (const { headers } of asked)
      expect(headers["project_id"]).toBe(kind === "blockfrost" ? "a-project-key" : undefined);
  });

  it("tells of a wallet that has nothing", async () => {
    const { url } = await from(CARDANO[kind](world([])));
    expect((await contextFrom(sourceOf(sourceFor(kind, url)))).utxos).toEqual([]);
  });

  it("tells of many outputs, in pages where it has pages, each once", async () => {
    const many = Array.from({ length: 2 * PAGE + 7 }, (_, i) => ada(i, BigInt(1_000_000 + i)));
    const { url, asked } = await from(CARDANO[kind](world(many)));
    const { utxos } = await contextFrom(sourceOf(sourceFor(kind, url)));
    // Of 207 the 200 largest.
    expect(byHash(utxos)).toEqual(byHash(many.slice(7)));
    expect(asked.filter(({ path }) => path.includes("utxos"))).toHaveLength(kind === "ogmios" ? 0 : 3);
  });

  it("of another network is never believed", async () => {
    const { url } = await from(CARDANO[kind](world(RICH.utxos, 2)));
    await expect(contextFrom(sourceOf(sourceFor(kind, url)))).rejects.toThrow(
      `${url} serves another network`,
    );
  });

  const LOVELACE = kind === "ogmios" ? '"lovelace":5000000' : '"5000000"';
  const lies: readonly (readonly [string, string, string])[] = [
    ["outputs of others", ADDRESS, OTHER],
    ["less than nothing", LOVELACE, LOVELACE.replace("5000000", "-5000000")],
    ["nothing", LOVELACE, LOVELACE.replace("5000000", "0")],
    ["a fraction", LOVELACE, LOVELACE.replace("5000000", "5000000.5")],
    ["an exponent", LOVELACE, LOVELACE.replace("5000000", "5e60")],
    ["more ADA than there is", LOVELACE, LOVELACE.replace("5000000", "45000000000000001")],
    ["a hundred digits", LOVELACE, LOVELACE.replace("5000000", "9".repeat(100))],
    ["2^64 of a token", "9007199254740993", "18446744073709551616"],
    ["a transaction that is none", hash(1), "zz"],
    ["no list", kind === "ogmios" ? '"result":[' : "[", kind === "ogmios" ? '"result":{"x":[' : '{"x":['],
  ];
  it.each(lies)("lying about %s has no answer", async (what, truth, lie) => {
    const source = await lying((told) =>
      told.includes(hash(1)) ? told.replaceAll(truth, lie) + (what === "no list" ? "}" : "") : told,
    );
    await expect(contextFrom(source)).rejects.toThrow(
      what === "outputs of others"
        ? /^http:\S+ answers with outputs of another address$/
        : /^http:\S+ answers with something that is (no list of outputs|not JSON)$/,
    );
  });

  it.each(["-44", "4.4", "1e99", '"a lot"', "null", "1000001"])("fees of %s have no answer", async (fee) => {
    const source = await lying((told) => told.replace(/("min_fee_a"|"minFeeCoefficient"):44/, `$1:${fee}`));
    await expect(contextFrom(source)).rejects.toThrow(
      / answers with something that is no set of protocol parameters$/,
    );
  });

  it("more of a token than the signer takes in is left out, and keeps nothing else from being paid", async () => {
    const dust = { ...ada(7, 1_200_000n), tokens: { [NAMELESS]: (1n << 64n) - 1n } };
    const { url } = await from(CARDANO[kind](world([...RICH.utxos, dust])));
    expect(byHash((await contextFrom(sourceOf(sourceFor(kind, url)))).utxos)).toEqual(FREE);
  });
});

describe("providers of several kinds", () => {
  it("are asked in order: one's own node, Blockfrost, Koios; a liar is passed over", async () => {
    const [node, frost, koios] = await Promise.all([
      startProvider(CARDANO.ogmios(world(RICH.utxos, 764_824_073))),
      startProvider(({ path }) => (path === "/genesis" ? { network_magic: 1 } : "<html>")),
      startProvider(CARDANO.koios(RICH)),
    ]);
    const source = sourceOf(
      sourceFor("koios", koios.url),
      sourceFor("blockfrost", frost.url),
      sourceFor("ogmios", node.url),
    );
    expect(byHash((await contextFrom(source)).utxos)).toEqual(FREE);
    expect([node.asked.length, frost.asked.length > 0, koios.asked.length]).toEqual([1, true, 3]);
  });

  it("a token for Koios goes into a header", async () => {
    const { url, asked } = await startProvider(CARDANO.koios(RICH));
    await contextFrom(sourceOf({ koios: [{ url, token: "a-token" }] }));
    for (const { headers } of asked) expect(headers.authorization).toBe("Bearer a-token");
  });
});

describe("what is known", () => {
  it("is shared by callers at the same time; outputs are asked for anew after a payment, parameters are not", async () => {
    const { url, asked } = await startProvider(CARDANO.koios(RICH));
    const source = sourceOf(sourceFor("koios", url));
    await Promise.all([contextFrom(source), contextFrom(source)]);
    expect(asked.map(({ path }) => path).sort()).toEqual(["/address_utxos", "/epoch_params", "/genesis"]);
    source.forgetUtxos();
    expect((await contextFrom(source)).cached).toBe(true);
    expect(asked.slice(3).map(({ path }) => path)).toEqual(["/address_utxos"]);
    source.forget();
    expect((await contextFrom(source)).cached).toBe(false);
    expect(asked).toHaveLength(6);
  });
});

describe("the outputs that the signer is told of", () => {
  const quantity = fc.bigInt({ min: 1n, max: (1n << 63n) - 1n });
  const asset = fc.constantFrom(
    ...[TUSDM, ...Array.from({ length: 30 }, (_, i) => `${"cd".repeat(28)}.${"ef".repeat(i)}`)],
  );
  const utxo = fc
    .record({
      lovelace: fc.bigInt({ min: 1n, max: 10n ** 12n }),
      tokens: fc.dictionary(asset, quantity, { maxKeys: 20 }),
    })
    .map(({ lovelace, tokens }): Omit<Utxo, "transaction" | "index"> => ({ lovelace, tokens }));
  const utxos = fc
    .array(utxo, { maxLength: 400, size: "max" })
    .map((all) => all.map((one, i): Utxo => ({ transaction: hash(i), index: 0, ...one })));

  it("fit, are some of the wallet's, at most 200, and of each kind the best that fits is among them", () => {
    fc.assert(
      fc.property(
        utxos,
        fc.integer({ min: 0, max: ROOM }),
        fc.constantFrom<string[]>([TUSDM], ["lovelace"], [TUSDM, NAMELESS]),
        (all, room, assets) => {
          const wire = chooseUtxos(all, assets, room);
          expect(JSON.stringify(wire).length).toBeLessThanOrEqual(room + 2);
          expect(wire.length).toBeLessThanOrEqual(MAX_UTXOS);
          const chosen = cardanoContextSchema.shape.utxos.parse(wire);
          const byName = new Map(all.map((one) => [one.transaction, one]));
          for (const one of chosen)
            expect({ ...one, tokens: one.tokens ?? {} }).toEqual(byName.get(one.transaction));
          expect(new Set(chosen.map(({ transaction }) => transaction)).size).toBe(chosen.length);
          if (room < 10_000 || all.length === 0) return;
          const most = (held: (one: Utxo) => bigint, of: readonly Utxo[]) =>
            of.map(held).reduce((a, b) => (a > b ? a : b), 0n);
          for (const held of [
            (one: Utxo) => one.lovelace,
            (one: Utxo) => (assets.includes(TUSDM) ? (one.tokens?.[TUSDM] ?? 0n) : 0n),
          ])
            expect(most(held, chosen)).toBe(most(held, all));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("a thousand outputs of dust with the asset do not keep out what pays, nor do fat ones", () => {
    const dust = Array.from({ length: 1_000 }, (_, i): Utxo => ({
      ...ada(i, 1_200_000n),
      tokens: { [TUSDM]: 1n },
    }));
    const fat: Utxo = {
      ...ada(2_000, 10n ** 12n),
      tokens: Object.fromEntries(
        Array.from({ length: 500 }, (_, i) => [`${"cd".repeat(28)}.${hash(i)}`, 1n]),
      ),
    };
    const real = [{ ...ada(3_000, 2_000_000n), tokens: { [TUSDM]: 50_000_000n } }, ada(3_001, 8_000_000n)];
    const wire = chooseUtxos([fat, ...dust, ...real], [TUSDM], ROOM);
    const names = wire.map(({ transaction }) => transaction);
    expect(names.slice(0, 3)).toEqual(expect.arrayContaining(real.map(({ transaction }) => transaction)));
    expect([names.includes(fat.transaction), wire.length]).toEqual([false, MAX_UTXOS]);
  });
});
