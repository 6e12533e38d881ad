// On which network, with what, and to whom.
import { ALICE, BOB, USDC } from "../household.ts";
import { ADA, type Case, USDC_POLYGON, USDM } from "./case.ts";

const onBase = { payment: { asset: USDC } };
const onPolygon = { payment: { asset: USDC_POLYGON } };
const CARDANO =
  "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x";

export const LISTS: readonly Case[] = [
  { name: "network: in the list", document: { allowedNetworks: ["base"] }, ...onBase, expect: "allow" },
  {
    name: "network: by its CAIP-2 id",
    document: { allowedNetworks: ["eip155:8453"] },
    ...onBase,
    expect: "allow",
  },
  {
    name: "network: one of several",
    document: { allowedNetworks: ["base", "polygon"] },
    ...onPolygon,
    expect: "allow",
  },
  {
    name: "network: not in the list",
    document: { allowedNetworks: ["base"] },
    ...onPolygon,
    expect: "CHAIN_NOT_ALLOWED",
  },
  { name: "network: empty list", document: { allowedNetworks: [] }, ...onBase, expect: "CHAIN_NOT_ALLOWED" },
  { name: "network: no list", document: {}, ...onPolygon, expect: "allow" },
  {
    name: "network: the test network of a chain is another one",
    document: { allowedNetworks: ["base-sepolia"] },
    ...onBase,
    expect: "CHAIN_NOT_ALLOWED",
  },

  { name: "asset: by symbol", document: { allowedAssets: ["USDC"] }, ...onBase, expect: "allow" },
  {
    name: "asset: by symbol, on each network",
    document: { allowedAssets: ["USDC"] },
    ...onPolygon,
    expect: "allow",
  },
  {
    name: "asset: by address",
    document: { allowedAssets: [`base/${USDC.address}`] },
    ...onBase,
    expect: "allow",
  },
  {
    name: "asset: by an address in lower case",
    document: { allowedAssets: [`base/${USDC.address.toLowerCase()}`] },
    ...onBase,
    expect: "allow",
  },
  {
    name: "asset: by the address of another network",
    document: { allowedAssets: [`base/${USDC.address}`] },
    ...onPolygon,
    expect: "ASSET_NOT_ALLOWED",
  },
  {
    name: "asset: another symbol",
    document: { allowedAssets: ["USDM"] },
    ...onBase,
    expect: "ASSET_NOT_ALLOWED",
  },
  {
    name: "asset: a tool suddenly asks for ADA",
    document: { allowedAssets: ["USDC"] },
    prices: { ADA: "0.41" },
    payment: { asset: ADA },
    expect: "ASSET_NOT_ALLOWED",
  },
  { name: "asset: empty list", document: { allowedAssets: [] }, ...onBase, expect: "ASSET_NOT_ALLOWED" },
  {
    name: "asset: a fee is paid in what is not listed",
    document: { allowedAssets: ["USDM"] },
    prices: { ADA: "0.41" },
    payment: { asset: USDM, fee: { asset: ADA, amount: 200_000n } },
    expect: "allow",
  },

  {
    name: "payee: in the list",
    document: { allowedRecipients: [ALICE] },
    payment: { to: ALICE },
    expect: "allow",
  },
  {
    name: "payee: in the list, asked in lower case",
    document: { allowedRecipients: [ALICE] },
    payment: { to: ALICE.toLowerCase() },
    expect: "allow",
  },
  {
    name: "payee: in the list in lower case",
    document: { allowedRecipients: [ALICE.toLowerCase()] },
    payment: { to: ALICE },
    expect: "allow",
  },
  {
    name: "payee: not in the list",
    document: { allowedRecipients: [ALICE] },
    payment: { to: BOB },
    expect: "RECIPIENT_NOT_ALLOWED",
  },
  { name: "payee: empty list", document: { allowedRecipients: [] }, expect: "RECIPIENT_NOT_ALLOWED" },
  {
    name: "payee: of another rail in the list",
    document: { allowedRecipients: [CARDANO, ALICE] },
    payment: { to: ALICE },
    expect: "allow",
  },
  {
    name: "payee: blocked",
    document: { blockedRecipients: [BOB] },
    payment: { to: BOB },
    expect: "RECIPIENT_BLOCKED",
  },
  {
    name: "payee: blocked, asked in upper case",
    document: { blockedRecipients: [BOB] },
    payment: { to: `0x${BOB.slice(2).toUpperCase()}` },
    expect: "RECIPIENT_BLOCKED",
  },
  {
    name: "payee: another one is blocked",
    document: { blockedRecipients: [BOB] },
    payment: { to: ALICE },
    expect: "allow",
  },
  { name: "payee: an empty block list", document: { blockedRecipients: [] }, expect: "allow" },
  {
    name: "payee: allowed and blocked",
    document: { allowedRecipients: [BOB], blockedRecipients: [BOB] },
    payment: { to: BOB },
    expect: "RECIPIENT_BLOCKED",
  },
];
