// What an asset counts for, and when a stablecoin is one.
import { USDC } from "../household.ts";
import { ADA, type Case, USDM } from "./case.ts";

const depeg = (max = "0.01", maxAge = "5m") => ({ document: { depeg: { max, maxAge } } });
const usdc = (usd: string, at?: string) => ({
  prices: { USDC: at === undefined ? usd : ([usd, at] as const) },
});
const EURC = { ...USDC, symbol: "EURC", pegged: false };

export const PRICES: readonly Case[] = [
  { name: "price: a stablecoin needs none", document: {}, expect: "allow" },
  {
    name: "price: a stablecoin below a dollar counts as one",
    document: { perCallMax: "0.99" },
    ...usdc("0.90"),
    payment: { usd: "1.00" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "price: a stablecoin above a dollar counts as more",
    document: { perCallMax: "1.00" },
    ...usdc("1.000001"),
    payment: { usd: "1.00" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "price: another asset has none",
    document: {},
    payment: { asset: ADA },
    expect: ["NO_PRICE", undefined],
  },
  {
    name: "price: another asset at its own",
    document: { perCallMax: "0.41" },
    prices: { ADA: "0.41" },
    payment: { asset: ADA, usd: "1.00" },
    expect: "allow",
  },
  {
    name: "price: another asset, a millionth of a cent dearer",
    document: { perCallMax: "0.41" },
    prices: { ADA: "0.41000001" },
    payment: { asset: ADA, usd: "1.00" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "price: the fee's asset has none",
    document: {},
    payment: { asset: USDM, fee: { asset: ADA, amount: 1n } },
    expect: "NO_PRICE",
  },
  {
    name: "price: an asset that is not pegged is not a stablecoin by its name",
    document: {},
    payment: { asset: { ...USDC, pegged: false } },
    expect: "NO_PRICE",
  },

  { name: "depeg: at a dollar", ...depeg(), ...usdc("1.00"), expect: "allow" },
  { name: "depeg: exactly so far below", ...depeg(), ...usdc("0.99"), expect: "allow" },
  {
    name: "depeg: a hair further below",
    ...depeg(),
    ...usdc("0.989999999999"),
    expect: ["STABLECOIN_DEPEG", undefined],
  },
  { name: "depeg: exactly so far above", ...depeg(), ...usdc("1.01"), expect: "allow" },
  { name: "depeg: a hair further above", ...depeg(), ...usdc("1.010000000001"), expect: "STABLECOIN_DEPEG" },
  { name: "depeg: worthless", ...depeg("0.999999"), ...usdc("0.000000000001"), expect: "STABLECOIN_DEPEG" },
  { name: "depeg: no deviation is allowed, and there is none", ...depeg("0"), ...usdc("1"), expect: "allow" },
  {
    name: "depeg: no deviation is allowed",
    ...depeg("0"),
    ...usdc("1.000000000001"),
    expect: "STABLECOIN_DEPEG",
  },
  { name: "depeg: no price at all", ...depeg(), expect: ["PRICE_STALE", undefined] },
  { name: "depeg: the price of another one", ...depeg(), prices: { USDM: "1.00" }, expect: "PRICE_STALE" },
  {
    name: "depeg: exactly as old as it may be",
    ...depeg(),
    ...usdc("1.00", "2026-11-20T11:55:00Z"),
    expect: "allow",
  },
  {
    name: "depeg: a millisecond older",
    ...depeg(),
    ...usdc("1.00", "2026-11-20T11:54:59.999Z"),
    expect: "PRICE_STALE",
  },
  {
    name: "depeg: an old price that is far away says nothing",
    ...depeg(),
    ...usdc("0.50", "2026-11-20T11:00:00Z"),
    expect: "PRICE_STALE",
  },
  {
    name: "depeg: what it counts for is at least a dollar",
    document: { depeg: { max: "0.01", maxAge: "5m" }, perCallMax: "0.995" },
    ...usdc("0.99"),
    payment: { usd: "1.00" },
    expect: "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT",
  },
  {
    name: "depeg: another asset has no peg",
    ...depeg(),
    prices: { ADA: "0.41" },
    payment: { asset: ADA },
    expect: "allow",
  },
  {
    name: "depeg: an asset that is priced has no peg",
    ...depeg(),
    prices: { EURC: "1.17" },
    payment: { asset: EURC },
    expect: "allow",
  },
  {
    name: "depeg: a stablecoin whose fee has no peg",
    ...depeg(),
    prices: { ADA: "0.41", USDM: "1.00" },
    payment: { asset: USDM, fee: { asset: ADA, amount: 200_000n } },
    expect: "allow",
  },
  {
    name: "depeg: a stablecoin as a fee counts too",
    ...depeg(),
    prices: { ADA: "0.41", USDM: "0.90" },
    payment: { asset: ADA, fee: { asset: USDM, amount: 200_000n } },
    expect: "STABLECOIN_DEPEG",
  },
  {
    name: "depeg: one is off and one is stale",
    ...depeg(),
    prices: { USDM: "0.90" },
    payment: { fee: { asset: USDM, amount: 1n } },
    expect: "STABLECOIN_DEPEG",
  },
];
