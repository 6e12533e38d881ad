// Random and mutated frames at every codec, in this process, and at every socket of a signer in its own.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Code, X402Error } from "../../protocol/errors.ts";
import { encodeRequest } from "../../protocol/rpc.ts";
import { label } from "../../vault/keys.ts";
import { open as openSeal } from "../../vault/seal.ts";
import { SignerHome } from "../counterparts/signer.ts";
import { LedgerRecord } from "../signer/record.ts";
import { formsIn } from "../signer/secrets.ts";
import { type Codec, type Material, type Paid, codecs } from "./codecs.ts";
import { Mutator } from "./mutate.ts";
import { type RailName, mixed, mixedDocument, railOf, setAdaPrice } from "./payments.ts";
import { Random } from "./random.ts";
import { type Conditions, type Evidence, type Row, grouped } from "./row.ts";
import { REQUESTS, floodSockets } from "./socket-frames.ts";

export const frames: Row = {
  name: "frames",
  what: "10 million random and mutated frames at every socket and codec (seeded, the seed printed)",
  must: "no crash, flat RSS, no key byte in any reply, log, error or file; no second signature for an intent",
  run,
};

async function run(conditions: Conditions): Promise<Evidence> {
  const home = await SignerHome.ofPhrase();
  try {
    const material = await materialOf(home);
    const inProcess = everyCodec(codecs(material), conditions, home.secrets());
    const atSockets = await floodSockets(home, conditions);
    expectNoKeyInFiles(home);
    return {
      done:
        `${grouped(inProcess.frames)} frames at ${inProcess.codecs} codecs in process, ` +
        `${grouped(atSockets.frames)} at ${atSockets.roles} kinds of socket of a running signer`,
      held:
        `${grouped(inProcess.read)} were read and meant the same when written again, the rest were refused with ` +
        `${inProcess.codes} codes; every reply had its code, none was INTERNAL; ` +
        `RSS ${atSockets.rss.join(", then ")} MB after each third; ` +
        `all ${grouped(atSockets.signed)} signatures on record, none a second for its intent or its inputs; ` +
        `no key, raw, in hex or in base64, in ${grouped(inProcess.messages)} different errors, ` +
        `${grouped(atSockets.bytes)} bytes of replies, the log or a file`,
    };
  } finally {
    home.remove();
  }
}

/** A vault's parts in the clear, and rows and requests as a signer has them. */
async function materialOf(home: SignerHome): Promise<Material> {
  const signer = await home.start();
  await signer.unlock();
  await setAdaPrice(signer);
  await signer.apply(mixedDocument({ totalMax: "0.05" }));
  const paid: Partial<Record<RailName, Paid>> = {};
  for (let n = 0; n < 5; n++) {
    const { intent, context } = mixed(n);
    const result = await signer.sign(intent, context && { context });
    const { rows } = await LedgerRecord.read(signer.operator);
    const draft = Buffer.from(rows.at(-1)?.draft ?? "", "base64");
    if (result.outcome === "signed") paid[railOf(n)] = { draft, from: result.from };
  }
  const { rows } = await LedgerRecord.read(signer.operator);
  await signer.close();
  const { sealed, key } = home.vault.signingPart();
  using own = key;
  return {
    vaultFile: readFileSync(join(home.folder, "vault.enc")),
    signingPart: openSeal(own, sealed, label("signing"))!.use((bytes) => Buffer.from(bytes)),
    auditRows: rows.map(({ seq: _seq, hash: _hash, ...body }) => JSON.stringify(body)),
    requests: Object.values(REQUESTS)
      .flat()
      .map(({ method, params }, id) => encodeRequest(id, method, params).trim()),
    solana: paid.solana!,
    cardano: paid.cardano!,
  };
}

interface CodecResult {
  readonly frames: number;
  readonly codecs: number;
  readonly read: number;
  readonly codes: number;
  readonly messages: number;
}

function everyCodec(all: readonly Codec[], conditions: Conditions, secrets: readonly Buffer[]): CodecResult {
  const total = conditions.count(40_000, 9_000_000);
  const shares = all.reduce((sum, { share }) => sum + share, 0);
  const codes = new Set<Code>();
  const messages = new Set<string>();
  let frames = 0;
  let read = 0;
  for (const codec of all) {
    const random = new Random(conditions.seed, codec.name);
    const next = framesOf(codec, random);
    const count = Math.ceil((total * codec.share) / shares);
    for (let n = 0; n < count; n++) {
      const frame = next();
      try {
        codec.read(frame);
        read += 1;
      } catch (error) {
        codes.add(expectRefusal(codec, frame, error));
        if (messages.size < 100_000) messages.add((error as Error).message);
      }
    }
    frames += count;
  }
  assert.deepEqual(formsIn([...messages].join("\n"), secrets), []);
  return { frames, codecs: all.length, read, codes: codes.size, messages: messages.size };
}

function framesOf({ samples, form }: Codec, random: Random): () => Buffer {
  const mutator = new Mutator(random);
  return () => {
    const [sample, other] = [random.pick(samples), random.pick(samples)];
    return form === "json" ? mutator.json(sample.toString(), other.toString()) : mutator.bytes(sample, other);
  };
}

/** A refusal has a code, and INTERNAL only where a reply that is none is meant. */
function expectRefusal({ name }: Codec, frame: Buffer, error: unknown): Code {
  const what = `${name}: ${frame.toString("base64")}`;
  if (!(error instanceof X402Error))
    throw new Error(`${(error as Error).message} for ${what}`, { cause: error });
  assert.ok(error.code !== "INTERNAL" || name === "rpc reply", `INTERNAL for ${what}`);
  return error.code;
}

/** The vault's file too: it is sealed. */
function expectNoKeyInFiles(home: SignerHome): void {
  for (const name of readdirSync(home.folder, { recursive: true }) as string[]) {
    const file = join(home.folder, name);
    if (statSync(file).isFile()) assert.deepEqual(formsIn(readFileSync(file), home.secrets()), [], name);
  }
}
