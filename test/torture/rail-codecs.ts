// What Solana and Cardano add to the readers of codecs.ts: decoders of what is signed, contexts, addresses.
import assert from "node:assert/strict";
import { decodeBody, encodeBody } from "../../chains/cardano/body.ts";
import { loadCardanoRail } from "../../chains/cardano/rail.ts";
import type { Order, Rail } from "../../chains/rail.ts";
import { decodeMessage, encodeMessage } from "../../chains/solana/message.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { PINNED_ASSETS, type PinnedAsset } from "../../protocol/assets.ts";
import { cardanoAddressOn, cardanoText, parseCardanoAddress } from "../../protocol/cardano-address.ts";
import { intentSchema } from "../../protocol/intent.ts";
import { type Json, parseJson } from "../../protocol/json.ts";
import { solanaBytes, solanaText } from "../../protocol/solana-address.ts";
import type { Codec, Material, Paid } from "./codecs.ts";
import { CARDANO_PAYEE, type Request, onCardano, onSolana } from "./payments.ts";
import { inputsOf } from "./signed.ts";

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const text = (frame: Buffer): string => frame.toString("utf8");

const RAILS = { solana: await loadSolanaRail(), cardano: await loadCardanoRail() };
const WANTED = { solana: onSolana(1), cardano: onCardano(1) };
const ADDRESSES = {
  solana: [Buffer.from(WANTED.solana.intent.payTo)],
  cardano: [CARDANO_PAYEE, cardanoAddressOn("cardano:mainnet", CARDANO_PAYEE)!].map((text) =>
    Buffer.from(text),
  ),
};

export function railCodecs({ solana, cardano }: Material): Codec[] {
  const contexts = (paid: Paid, rail: keyof typeof RAILS) => (frame: Buffer) => {
    readContext(RAILS[rail], WANTED[rail], paid.from, parseJson(text(frame)));
  };
  return [
    {
      ...{ name: "solana message", form: "bytes", share: 4, samples: [solana.draft] },
      read: (frame) => {
        readMessage(frame, solana.from);
      },
    },
    {
      ...{ name: "cardano body", form: "bytes", share: 4, samples: [cardano.draft] },
      read: (frame) => {
        readBodyOf(frame, cardano.from);
      },
    },
    {
      ...{ name: "solana context", form: "json", share: 3, samples: [json(WANTED.solana.context)] },
      read: contexts(solana, "solana"),
    },
    {
      ...{ name: "cardano context", form: "json", share: 3, samples: [json(WANTED.cardano.context)] },
      read: contexts(cardano, "cardano"),
    },
    {
      ...{ name: "solana address", form: "text", share: 2, samples: ADDRESSES.solana },
      read: readSolanaAddress,
    },
    {
      ...{ name: "cardano address", form: "text", share: 2, samples: ADDRESSES.cardano },
      read: readCardanoAddress,
    },
  ];
}

const assetOf = ({ intent: { network, asset } }: Request): PinnedAsset =>
  PINNED_ASSETS.find((one) => one.network === network && one.address === asset)!;

/** Closed world: there is one text for each message, and what the rail takes for a payment of ours is one. */
function readMessage(frame: Buffer, from: string): void {
  const message = decodeMessage(frame);
  if (message) assert.ok(frame.equals(encodeMessage(message)));
  const outflow = RAILS.solana.decode(frame, assetOf(WANTED.solana), from);
  if ("refused" in outflow) return;
  assert.deepEqual(
    outflow.map(({ amount }) => amount),
    [message?.amount],
  );
}

/** The same, and another library finds the same inputs in it. */
function readBodyOf(frame: Buffer, from: string): void {
  const body = decodeBody(frame);
  if (body) assert.ok(frame.equals(encodeBody(body)));
  const outflow = RAILS.cardano.decode(frame, assetOf(WANTED.cardano), from);
  if ("refused" in outflow) return;
  assert.equal(outflow.at(-1)?.amount, body?.fee);
  assert.deepEqual(RAILS.cardano.locks(frame), inputsOf(frame));
}

/** Whatever the context says: a draft that costs what its bytes say and pays what was asked for, or a code. */
function readContext(rail: Rail, wanted: Request, from: string, context: Json): void {
  const order: Order = {
    intent: intentSchema.parse(wanted.intent),
    asset: assetOf(wanted),
    from,
    nonce: Buffer.alloc(32, 7),
    validBefore: 1_900_000_000,
    lockedUntil: () => undefined,
  };
  const draft = rail.draft(order, context);
  assert.ok(!(draft instanceof Promise));
  if ("refused" in draft) {
    assert.notEqual(draft.refused, "INTERNAL");
    return;
  }
  const outflow = rail.decode(draft.bytes, order.asset, from);
  assert.deepEqual(outflow, draft.outflow);
  assert.equal(draft.outflow[0]?.amount, order.intent.amount);
}

function readSolanaAddress(frame: Buffer): void {
  const bytes = solanaBytes(text(frame));
  if (bytes) assert.equal(solanaText(bytes), text(frame));
}

function readCardanoAddress(frame: Buffer): void {
  const address = parseCardanoAddress(text(frame));
  assert.equal(address && cardanoText(address.bytes), address && text(frame));
  for (const network of ["cardano:mainnet", "cardano:preprod"] as const) {
    const other = cardanoAddressOn(network, text(frame));
    assert.equal(other === undefined, address === undefined);
    if (other !== undefined) assert.equal(cardanoAddressOn(network, other), other);
  }
}
