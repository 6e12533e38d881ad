// What the rows tell of a signer that lies about Solana, Cardano and prices: everything here is chained, counted and
// signed as it should be, and only the bytes of a draft, or the rows before it, say otherwise.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { rolldown } from "rolldown";
import { beforeAll, describe, expect, it } from "vitest";
import { type Body as CardanoBody, decodeBody, encodeBody } from "../../chains/cardano/body.ts";
import { loadEd25519 } from "../../chains/ed25519.ts";
import { type TransferMessage, decodeMessage, encodeMessage } from "../../chains/solana/message.ts";
import { TOKEN_PROGRAM_IDS } from "../../chains/solana/programs.ts";
import { TokenAccounts } from "../../chains/solana/token-account.ts";
import { LOVELACE, PINNED_ASSETS } from "../../protocol/assets.ts";
import { cardanoText, parseCardanoAddress } from "../../protocol/cardano-address.ts";
import { solanaBytes, solanaText } from "../../protocol/solana-address.ts";
import { addressText } from "../../verify/cardano-address.ts";
import { readCbor } from "../../verify/cbor.ts";
import { readDraft } from "../../verify/draft.ts";
import { solanaKey, tokenAccount } from "../../verify/solana-account.ts";
import { type JsonObject, canonical } from "../../verify/text.ts";
import { type Body, another, bodiesOf, forge, redrawn, sha256 } from "./forge.ts";
import { type Life, MINUTE } from "./life.ts";
import { MINT, PAYEE, TUSDM, isCalled, key, keyBytes, makeRailsLife } from "./rails-life.ts";
import { verdict } from "./verdict.ts";

let life: Life;
let accounts: TokenAccounts;
beforeAll(async () => {
  life = await makeRailsLife();
  accounts = new TokenAccounts(await loadEd25519());
});

const rows = (): Body[] => bodiesOf(life.text);
const row = (name: string): Body => rows().findLast(isCalled(name))!;
const forged = (bodies: readonly Body[]) => verdict(forge(life, bodies), { keys: [life.key] });
const appended = (...bodies: Body[]) => forged([...rows(), ...bodies]);
const count = rows as () => readonly unknown[];
/** Untrue, for a reason, at a row that is added behind the life's own. */
const no = (why: string, nth = 1) => ({
  true: false,
  why: expect.stringContaining(why) as string,
  row: count().length + nth,
});
const yes = { true: true };
/** All of it under a policy that says this, too. */
function withDocument(changed: object): Body[] {
  const all = rows();
  const at = all.findIndex(({ kind }) => kind === "policy.applied");
  // What is undefined is not there.
  const document = JSON.parse(
    JSON.stringify({ ...(all[at]!["document"] as Body), ...changed }),
  ) as JsonObject;
  const hash = sha256(canonical(document));
  return all
    .with(at, { ...all[at]!, document, hash })
    .map((body) => (body["policyHash"] === undefined ? body : { ...body, policyHash: hash }));
}
const PAYS_ELSE = "has a draft that pays something else";

/** Like the newest row of that name, under an id of its own, at the time of the last row. */
const like = (name: string, id: string, changed: Body = {}): Body =>
  another(row(name), id, {
    at: row("newest")["at"],
    expires: row("newest")["expires"],
    ...changed,
    draft: changed["draft"] ?? row(name)["draft"],
  });
/** In all that a row is counted in. */
const counted = (body: Body, usd: bigint): Body => ({
  ...body,
  usd: usd.toString(),
  add: (body["add"] as [string, number, string][]).map(([name, bucket, old]) => [
    ...[name, bucket],
    name.split("|")[1] === "count" ? old : usd.toString(),
  ]),
});

const bytesOf = (body: Body): Buffer => Buffer.from(body["draft"] as string, "base64");

/** A payment like `memo`, whose message says something else. */
function solana(id: string, change: (message: TransferMessage) => Partial<TransferMessage>, row_: Body = {}) {
  const message = decodeMessage(bytesOf(row("memo")))!;
  const draft = Buffer.from(encodeMessage({ ...message, ...change(message) })).toString("base64");
  return like("memo", id, { ...row_, draft });
}

/** A payment like the one of that name, whose body says something else. Its input is its own. */
function cardano(
  name: string,
  id: string,
  change: (body: CardanoBody) => object = () => ({}),
  row_: Body = {},
) {
  const body = decodeBody(bytesOf(row(name)))!;
  const ttl = body.ttl + (row("newest")["expires"] as number) - (row(name)["expires"] as number);
  const fresh = { ...body, ttl, inputs: [{ transaction: sha256(id), index: 0 }] };
  const draft = Buffer.from(encodeBody({ ...fresh, ...change(fresh) })).toString("base64");
  return like(name, id, { ...row_, draft });
}

describe("payments on every rail", () => {
  it("are true, as are others like them", () => {
    expect(forged(rows())).toMatchObject({
      ...yes,
      kinds: { "payment.reserved": 10, "payment.redrafted": 2, "price.set": 6 },
    });
    expect(forged(rows())).toMatchObject({ kinds: expect.not.objectContaining({ unknown: 1 }) as object });
    const same = [solana("s", () => ({})), cardano("newest", "ada"), cardano("pegged", "usd")];
    expect(appended(...same)).toMatchObject(yes);
    expect(appended(like("evm", "x", { draft: redrawn(like("dearer", "x"), "x") }))).toMatchObject(
      no("is not counted at the price in force"),
    );
  });

  it("are in it as what was asked: parts, prices, and the dearest of several drafts", () => {
    const parts = (name: string) =>
      (row(name)["outflow"] as string[][]).map(([symbol, , why]) => [symbol, why]);
    expect(parts("small")).toEqual([
      ["ADA", "payment"],
      ["ADA", "minAda"],
      ["ADA", "fee"],
    ]);
    expect(parts("token").map(([symbol]) => symbol)).toEqual(["tUSDM", "ADA", "ADA"]);
    const again = rows().filter(isCalled("again"));
    const usd = again.map((body) => Number(body["usd"]));
    expect(usd[1]).toBe(usd[0]);
    expect(usd[2]).toBeGreaterThan(usd[1]!);
    expect(row("dearer")["usd"]).toBe("10200");
    expect(row("pegged")["rates"]).toEqual({ tUSDM: "0.97", ADA: "0.60" });
  });

  it("are true to the one file of the verifier on an older Node, too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "x402-verifier-"));
    const [record, program] = [join(folder, "record"), join(folder, "verify.mjs")];
    const bundle = await rolldown({
      input: "bin/x402-audit-verify.ts",
      platform: "node",
      external: [/^node:/],
    });
    await bundle.write({ file: program, format: "esm" });
    await bundle.close();
    const nodes = [process.execPath, ...["/usr/bin/node", "/usr/local/bin/node"].filter(existsSync)];
    for (const node of nodes) {
      writeFileSync(record, life.text);
      const said = execFileSync(node, [program, record, "--key", life.key], { encoding: "utf8" });
      expect(said).toMatch(/^true: \d+ rows/);
      writeFileSync(record, forge(life, [...rows(), solana("x", () => ({ amount: 10_001n }))]));
      expect(() => execFileSync(node, [program, record], { stdio: "pipe" })).toThrow(/^Command failed/);
    }
    rmSync(folder, { recursive: true });
  });
});

describe("a draft on Solana that is not its row's is found", () => {
  const other = (owner: string): Uint8Array => accounts.of(keyBytes(owner), solanaBytes(MINT)!, "spl-token");

  it.each<[string, (message: TransferMessage) => Partial<TransferMessage>]>([
    ["another amount", () => ({ amount: 10_001n })],
    ["another payee's account", () => ({ destination: other("thief") })],
    ["the payee's key in place of the account", () => ({ destination: keyBytes("payee") })],
    ["the payee's account under another program", () => ({ tokenProgram: "token-2022" as const })],
    ["another mint", () => ({ mint: keyBytes("worthless") })],
    ["another owner", () => ({ authority: keyBytes("another wallet") })],
    ["another account of ours", () => ({ source: keyBytes("another account") })],
    ["other decimals", () => ({ decimals: 5 })],
    ["us as the fee payer", ({ authority }) => ({ feePayer: authority })],
    ["the fee from the account that pays", ({ source }) => ({ feePayer: source })],
    ["no memo", () => ({ memo: Buffer.alloc(0) })],
  ])("%s", (_what, change) => {
    expect(appended(solana("x", change))).toMatchObject(no(PAYS_ELSE));
  });

  it.each<[string, Body]>([
    ["the amount", { amount: "9999" }],
    ["an amount of more than 64 bits", { amount: "18446744073709561616" }],
    ["the payee", { payTo: key("thief") }],
    ["the payee in another spelling", { payTo: `1${key("payee")}` }],
    ["the mint", { asset: key("worthless") }],
    ["the decimals", { decimals: 9 }],
    ["the decimals as text", { decimals: "6" }],
    ["parts that are not there", { outflow: [["USDC", "10000", "payment"]] }],
  ])("where the row changes %s", (_what, changed) => {
    expect(appended(solana("x", () => ({}), changed))).toMatchObject(no(PAYS_ELSE));
  });

  it("whichever byte says it, but for the fee payer, the blockhash and the memo", () => {
    const body = row("memo");
    const bytes = bytesOf(body);
    const free = (at: number): boolean =>
      (at >= 5 && at < 37) || (at >= 261 && at < 293) || (at >= bytes.length - 201 && at < bytes.length - 1);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x11;
      const read = readDraft({ ...body, draft: changed.toString("base64") });
      expect([at, read !== undefined]).toEqual([at, free(at)]);
    }
    for (const draft of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)])
      expect(readDraft({ ...body, draft: draft.toString("base64") })).toBeUndefined();
  });

  it("and a second draft: both could be executed", () => {
    const at = (row("memo")["expires"] as number) * 1000;
    const later = { kind: "payment.redrafted", at, expires: at / 1000 + 60, add: [] };
    const usd = { rates: { USDC: "1.02" } };
    expect(appended({ ...row("memo"), ...later, ...usd })).toMatchObject(
      no("drafts a payment on Solana again"),
    );
  });

  it("by its own reckoning of addresses, which is the signer's", () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, bytes, fc.boolean(), (owner, mint, isNew) => {
        const program = isNew ? "token-2022" : "spl-token";
        const told = Buffer.from(TOKEN_PROGRAM_IDS[program]);
        const mine = tokenAccount(Buffer.from(owner), told, Buffer.from(mint));
        expect(mine).toEqual(Buffer.from(accounts.of(owner, mint, program)));
        expect(solanaKey(solanaText(owner))).toEqual(Buffer.from(owner));
      }),
      { numRuns: 1000 },
    );
    for (const zeros of [1, 31, 32]) {
      const text = solanaText(Buffer.concat([Buffer.alloc(zeros), Buffer.alloc(32 - zeros, 7)]));
      expect(solanaKey(text)?.length).toBe(32);
      for (const wrong of [`1${text}`, text.slice(1), `${text}0`, "", "O".repeat(40)])
        expect(solanaKey(wrong)).toBeUndefined();
    }
  });
});

describe("a draft on Cardano that is not its row's is found", () => {
  const thief = Buffer.from([0x60, ...keyBytes("thief").subarray(0, 28)]);
  const value = (lovelace: bigint, tokens: [string, bigint][] = []) => ({
    lovelace,
    tokens: new Map(tokens),
  });
  const first = (change: object) => (body: CardanoBody) => ({
    outputs: [{ ...body.outputs[0]!, ...change }, ...body.outputs.slice(1)],
  });
  /** What the payee gets: so much more ADA than it should, and these tokens. */
  const holding =
    (ada: bigint, ...tokens: [string, bigint][]) =>
    (body: CardanoBody) =>
      first({ value: value(body.outputs[0]!.value.lovelace + ada, tokens) })(body);
  const more =
    (...outputs: object[]) =>
    (body: CardanoBody) => ({ outputs: [...body.outputs, ...outputs] });

  it.each<[string, string, (body: CardanoBody) => object]>([
    ["another payee", "newest", first({ address: thief })],
    ["the payee on mainnet", "newest", first({ address: onMainnet(parseCardanoAddress(PAYEE)!.bytes) })],
    ["less", "newest", holding(-1n)],
    ["more than is told", "newest", holding(1n)],
    ["a token beside it", "newest", holding(0n, [TUSDM, 1n])],
    ["another amount of a token", "pegged", holding(0n, [TUSDM, 1_500_001n])],
    ["another token", "pegged", holding(0n, [TUSDM.replace("e", "f"), 1_500_000n])],
    ["no token", "pegged", holding(0n)],
    ["a second output", "newest", more({ address: thief, value: value(1_000_000n) })],
    ["change of another stake key", "newest", (body) => ({ outputs: [body.outputs[0], bare(body)] })],
    ["change on another network", "newest", (body) => ({ outputs: [body.outputs[0], abroad(body)] })],
    ["a second token", "pegged", holding(0n, [TUSDM, 1_500_000n], [`${TUSDM}00`, 1n])],
    ["more ADA beside a token", "pegged", holding(1n, [TUSDM, 1_500_000n])],
    ["no output", "newest", () => ({ outputs: [] })],
    ["no input", "newest", () => ({ inputs: [] })],
    ["the same input twice", "newest", ({ inputs }) => ({ inputs: [inputs[0], inputs[0]] })],
    ["a bigger fee than is told", "newest", ({ fee }) => ({ fee: fee + 1n })],
    ["a smaller fee than is told", "newest", ({ fee }) => ({ fee: fee - 1n })],
    ["an end that is a second too late", "newest", ({ ttl }) => ({ ttl: ttl + 1 })],
    ["an end that is a second too early", "newest", ({ ttl }) => ({ ttl: ttl - 1 })],
    ["the end of the same second on preview", "newest", ({ ttl }) => ({ ttl: ttl - 10_972_800 })],
  ])("%s", (_what, name, change) => {
    expect(appended(cardano(name, "x", change))).toMatchObject(no(PAYS_ELSE));
  });

  it.each<[string, Body]>([
    ["the payee", { payTo: cardanoText(thief) }],
    ["the amount", { amount: "1999999" }],
    ["the amount, below nothing", { amount: "-1" }],
    ["the asset", { asset: TUSDM }],
    ["the symbol", { symbol: "tUSDM" }],
    ["a part less", { outflow: [["ADA", "2000000", "payment"]] }],
    ["the reason of a part", { outflow: [["ADA", "2000000", "fee"]] }],
    ["no parts", { outflow: undefined }],
  ])("where the row changes %s", (_what, changed) => {
    expect(appended(cardano("newest", "x", undefined, changed))).toMatchObject(no(PAYS_ELSE));
  });

  it("that is on another network than the row's, or on none that is known", () => {
    const body = cardano("newest", "x");
    for (const network of ["cardano:mainnet", "cardano:preview", "cardano:x", "hydra:1", "toString:1", ""])
      expect(readDraft({ ...body, network })).toBeUndefined();
    expect(readDraft(body as JsonObject)).toBeDefined();
    const [payTo, abroad] = [PAYEE, cardanoText(onMainnet(parseCardanoAddress(PAYEE)!.bytes))];
    const pays = cardano("newest", "x", first({ address: onMainnet(parseCardanoAddress(payTo)!.bytes) }));
    expect(readDraft({ ...pays, payTo: abroad })).toBeUndefined();
  });

  it("of less than nothing, and ADA that makes up for it", () => {
    const body = cardano("newest", "x");
    const [, fee] = body["outflow"] as string[][];
    const parts = [["ADA", "-1", "payment"], ["ADA", "2000001", "minAda"], fee];
    expect(readDraft({ ...body, amount: "-1", outflow: parts } as JsonObject)).toBeUndefined();
  });

  it("whichever bit says it, but for the inputs and what comes back", () => {
    const body = row("token");
    const bytes = bytesOf(body);
    const said = (draft: Uint8Array): unknown => {
      const { outputs = [], fee, ttl } = decodeBody(draft) ?? {};
      return [outputs[0], outputs.map(({ address }) => Buffer.from(address)), fee, ttl];
    };
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const read = readDraft({ ...body, draft: changed.toString("base64") });
      if (read !== undefined) expect(said(changed)).toEqual(said(bytes));
    }
    for (let length = 0; length < bytes.length; length++) {
      const draft = bytes.subarray(0, length).toString("base64");
      expect(readDraft({ ...body, draft })).toBeUndefined();
    }
  });

  it("in a form that is not the one: long numbers, keys out of order, indefinite lengths, deep nests", () => {
    const body = row("newest");
    const hex = bytesOf(body).toString("hex");
    const text = body["draft"] as string;
    for (const draft of [`${text}=`, ` ${text}`, text.replace(/^./, "$&\n")])
      expect(readDraft({ ...body, draft })).toBeUndefined();
    expect(readCbor(Buffer.from("a200000100", "hex"))).toBeDefined();
    for (const unordered of ["a201000000", "a200000000"])
      expect(readCbor(Buffer.from(unordered, "hex"))).toBeUndefined();
    expect(readDraft(body as JsonObject)).toBeDefined();
    for (const wrong of [
      `${hex}00`,
      hex.replace(/^a4/, "b804"),
      hex.replace(/^a4/, "bf") + "ff",
      hex.replace(/^a4/, "a5") + "0400",
      hex.replace(/^a400/, "a41800"),
      hex.replace(/^a400/, "a401"),
      "81".repeat(8000),
      `9b${"f".repeat(16)}`,
      "1c",
    ])
      expect(readDraft({ ...body, draft: Buffer.from(wrong, "hex").toString("base64") })).toBe(undefined);
  });

  it("by its own reckoning of addresses, which is the signer's", () => {
    const hashes = fc.uint8Array({ minLength: 28, maxLength: 28 });
    fc.assert(
      fc.property(hashes, hashes, fc.constantFrom(0x00, 0x01, 0x20, 0x21, 0x60, 0x61), (a, b, header) => {
        const bytes = Buffer.from([header, ...a, ...(header >= 0x60 ? [] : b)]);
        expect(addressText(bytes)).toBe(cardanoText(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  function onMainnet(address: Uint8Array): Buffer {
    const bytes = Buffer.from(address);
    bytes[0]! |= 1;
    return bytes;
  }

  function abroad({ outputs }: CardanoBody): object {
    const { address, value: left } = outputs[1]!;
    return { address: onMainnet(address), value: left };
  }

  /** The change, to our payment key without its stake part. */
  function bare({ outputs }: CardanoBody): object {
    const { address, value: left } = outputs[1]!;
    return { address: Buffer.from([0x60, ...address.subarray(1, 29)]), value: left };
  }
});

describe("a new draft on Cardano", () => {
  const later = (input: { transaction: string; index: number }): Body => {
    const last = row("again");
    const at = (last["expires"] as number) * 1000 + MINUTE;
    const body = decodeBody(bytesOf(last))!;
    const ttl = body.ttl + 120;
    const draft = Buffer.from(encodeBody({ ...body, inputs: [input], ttl })).toString("base64");
    return { ...last, at, expires: (last["expires"] as number) + 120, add: [], draft };
  };

  it("spends the first input of the first one, or both could be used", () => {
    const [nonce] = decodeBody(bytesOf(row("again")))!.inputs;
    expect(appended(later(nonce!))).toMatchObject(yes);
    for (const other of [
      { ...nonce!, index: nonce!.index + 1 },
      { ...nonce!, transaction: sha256("other") },
    ])
      expect(appended(later(other))).toMatchObject(no("drafts another payment than the intent's first"));
  });

  it("counts no less than the dearest one before it, and no more than it is worth", () => {
    const [nonce] = decodeBody(bytesOf(row("again")))!.inputs;
    const usd = BigInt(row("again")["usd"] as string);
    for (const wrong of [usd - 1n, usd + 1n])
      expect(appended({ ...later(nonce!), usd: wrong.toString() })).toMatchObject(
        no(`counts ${wrong} micro-USD, and is worth ${usd}`),
      );
  });

  it("may be under a limit that is lower than what the one before it counts for", () => {
    const [nonce] = decodeBody(bytesOf(row("again")))!.inputs;
    const redraft = later(nonce!);
    const applied = rows().findLast(({ kind }) => kind === "policy.applied")!;
    const document = { ...(applied["document"] as JsonObject), perCallMax: "0.50" };
    const hash = sha256(canonical(document));
    const { at } = redraft;
    const price = { kind: "price.set", at, symbol: "ADA", usd: "0.10", maxAge: 60 };
    const lower = { ...applied, at, version: 2, base: applied["hash"], document, hash };
    const under = { policy: 2, policyHash: hash };
    expect(appended(lower, price, { ...redraft, ...under, rates: { ADA: "0.10" } })).toMatchObject(yes);
    expect(appended(lower, { ...redraft, ...under })).toMatchObject(no("is over household's perCallMax", 2));
  });
});

describe("an input that is spent twice is found", () => {
  const spends = (id: string, ...names: string[]): Body =>
    cardano("newest", id, () => ({
      inputs: names.map((name) => ({ transaction: sha256(name), index: 0 })),
    }));

  it("while the other payment is alive, wherever it stands", () => {
    expect(appended(spends("x", "a", "b"), spends("y", "c", "d"))).toMatchObject(yes);
    for (const names of [
      ["a", "c"],
      ["b", "c"],
      ["c", "a"],
      ["c", "b"],
    ])
      expect(appended(spends("x", "a", "b"), spends("y", ...names))).toMatchObject(
        no("spends an input that another payment may still spend", 2),
      );
  });

  it("and may be when that is over", () => {
    const [at, expires] = [(row("newest")["expires"] as number) * 1000, row("newest")["expires"] as number];
    const after = (ms: number): Body => {
      const body = cardano("newest", "y", ({ ttl }) => ({
        ...{ ttl: ttl + 60, inputs: [{ transaction: sha256("a"), index: 0 }] },
      }));
      return { ...body, at: at + ms, expires: expires + 60 };
    };
    expect(appended(spends("x", "a"), after(0))).toMatchObject(yes);
    expect(appended(spends("x", "a"), after(-1))).toMatchObject(
      no("spends an input that another payment may still spend", 2),
    );
  });
});

describe("a payment that is counted as less than it is worth is found", () => {
  it.each(["newest", "pegged", "memo", "eurc"])("%s", (name) => {
    const body = name === "memo" ? solana("x", () => ({})) : name === "eurc" ? eurc("x") : cardano(name, "x");
    const usd = BigInt(body["usd"] as string);
    expect(appended(body)).toMatchObject(yes);
    for (const wrong of [usd - 1n, usd + 1n, 0n])
      expect(appended(counted(body, wrong))).toMatchObject(
        no(`counts ${wrong} micro-USD, and is worth ${usd}`),
      );
  });

  it("by decimals or a symbol that the policy does not give it", () => {
    for (const changed of [{ decimals: 18 }, { symbol: "USDC" }])
      expect(appended(eurc("x", changed))).toMatchObject(no("names its token as it is not"));
    expect(appended(cardano("pegged", "x", undefined, { decimals: 12 }))).toMatchObject(
      no("names its token as it is not"),
    );
  });

  it.each<[string, Body, string]>([
    ["a price that nobody set", { rates: { ADA: "0.59" } }, "a price that is not the one set"],
    ["the price before", { rates: { ADA: "0.41" } }, "a price that is not the one set"],
    ["another spelling", { rates: { ADA: "0.6" } }, "a price that is not the one set"],
    ["a price that is no text", { rates: { ADA: 0.6 } }, "a price that is not the one set"],
    ["no price", { rates: undefined }, "is not counted at the price in force"],
    ["a price of something else", { rates: { ADA: "0.60", USDC: "1.02" } }, "of what it does not pay"],
  ])("at %s", (_what, changed, why) => {
    expect(appended(cardano("newest", "x", undefined, changed))).toMatchObject(no(why));
  });

  it("at a price that is too old, or without one", () => {
    const until = rows().findLast(({ kind }) => kind === "price.set")!["at"] as number;
    const at = until + 3_600_000;
    const old = (ms: number, changed: Body = {}): Body => ({
      ...cardano("newest", "x", ({ ttl }) => ({ ttl: ttl + 3600 })),
      ...{ at: at + ms, expires: (row("newest")["expires"] as number) + 3600 },
      ...changed,
    });
    expect(appended(old(-1))).toMatchObject(yes);
    expect(appended(old(0))).toMatchObject(no("is counted at a price that is too old"));
    expect(appended(counted(old(0, { rates: undefined }), 2_180_000n))).toMatchObject(
      no("counts ADA without a price"),
    );
  });

  it("at the price of a row that is taken out, changed, or made to last", () => {
    const all = rows();
    const at = all.findLastIndex(({ kind, symbol }) => kind === "price.set" && symbol === "ADA");
    const untrue = {
      true: false,
      why: expect.stringContaining("at a price that is not the one set") as string,
    };
    expect(forged(all.toSpliced(at, 1))).toMatchObject(untrue);
    expect(forged(all.with(at, { ...all[at]!, usd: "0.10" }))).toMatchObject(untrue);
    for (const wrong of [
      { usd: "0" },
      { usd: "-1" },
      { usd: "1e3" },
      { usd: 1 },
      { maxAge: "60" },
      { symbol: 1 },
    ])
      expect(forged(all.with(at, { ...all[at]!, ...wrong }))).toMatchObject({
        ...{ true: false, row: at + 1 },
        why: expect.stringContaining("sets no price") as string,
      });
  });

  it("a stablecoin below its peg, which counts at one dollar", () => {
    const body = cardano("pegged", "x");
    const parts = body["outflow"] as [string, string, string][];
    const ada = parts.slice(1).reduce((sum, [, units]) => sum + (BigInt(units) * 60n + 99n) / 100n, 0n);
    expect(BigInt(body["usd"] as string)).toBe(1_500_000n + ada);
    expect(appended(counted(body, (1_500_000n * 97n) / 100n + ada))).toMatchObject(no("and is worth"));
  });

  it("but not a token that is none, which counts at its price", () => {
    const { at } = row("newest");
    const price = { kind: "price.set", at, symbol: "EURC", usd: "0.50", maxAge: 60 };
    const one = eurc("x", { amount: "100000000", rates: { EURC: "0.50" } });
    expect(appended(price, counted(one, 500_000n))).toMatchObject(yes);
    expect(appended(price, counted(one, 1_000_000n))).toMatchObject(no("and is worth 500000", 2));
  });

  /** The same payment of the operator's own token, with a nonce of its own. */
  function eurc(id: string, changed: Body = {}): Body {
    const body = like("eurc", id, changed);
    return { ...body, draft: redrawn(body, id) };
  }
});

describe("what a network takes", () => {
  it("is within the policy's maxNetworkFee, a dollar where it does not say", () => {
    const fees = (name: string): bigint =>
      (row(name)["outflow"] as [string, string, string][])
        .filter(([, , why]) => why !== "payment")
        .reduce((sum, [, units]) => sum + (BigInt(units) * 60n + 99n) / 100n, 0n);
    const most = [fees("again"), fees("pegged"), fees("newest")].reduce((a, b) => (a > b ? a : b));
    const usd = (micro: bigint): string => `0.${micro.toString().padStart(6, "0")}`;
    expect(forged(withDocument({ maxNetworkFee: usd(most) }))).toMatchObject(yes);
    expect(forged(withDocument({ maxNetworkFee: usd(most - 1n) }))).toMatchObject({
      true: false,
      why: expect.stringContaining("is over the policy's maxNetworkFee") as string,
    });
    const dear = cardano("newest", "x", () => ({ fee: 1_666_667n }));
    const parts = [
      ["ADA", "2000000", "payment"],
      ["ADA", "1666667", "fee"],
    ];
    const body = { ...counted(dear, 1_200_000n + 1_000_001n), outflow: parts };
    expect(appended(body)).toMatchObject(no("is over the policy's maxNetworkFee"));
    const silent = withDocument({ maxNetworkFee: undefined });
    expect(forged(silent)).toMatchObject(yes);
    const { policyHash } = silent.findLast(isCalled("newest"))!;
    expect(forged([...silent, { ...body, policyHash }])).toMatchObject(
      no("is over the policy's maxNetworkFee"),
    );
  });
});

it("lists of payees tell letters apart where a chain does", () => {
  const payees = [...new Set(rows().flatMap(({ payTo }) => (typeof payTo === "string" ? [payTo] : [])))];
  const put = (list: string[]) => forged(withDocument({ allowedRecipients: list }));
  expect(put(payees)).toMatchObject(yes);
  expect(put(payees.map((payee) => payee.replace(/^0x.*/, (evm) => evm.toLowerCase())))).toMatchObject(yes);
  expect(put(payees.map((payee) => payee.toLowerCase()))).toMatchObject({
    true: false,
    why: expect.stringContaining("pays somebody who is not allowed") as string,
  });
});

it("what it takes for granted of tokens that a policy does not list is so", () => {
  const other = PINNED_ASSETS.filter(({ address }) => address !== LOVELACE);
  expect(new Set(other.map(({ decimals, pegged }) => `${decimals} ${pegged}`))).toEqual(new Set(["6 true"]));
  const ada = PINNED_ASSETS.filter(({ address }) => address === LOVELACE);
  expect(new Set(ada.map(({ symbol, decimals, pegged }) => `${symbol} ${decimals} ${pegged}`))).toEqual(
    new Set(["ADA 6 false"]),
  );
});
