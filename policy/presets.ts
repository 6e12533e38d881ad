// Documents to start from. Every one has a total: the most that can ever be lost, whatever goes wrong.
export interface Preset {
  readonly name: string;
  readonly about: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export const PRESETS: readonly Preset[] = [
  {
    name: "careful",
    about: "USDC on Base: at most 0.05 a call, 1.00 a day, 20.00 in all",
    document: {
      version: 1,
      allowedNetworks: ["base"],
      allowedAssets: ["USDC"],
      perCallMax: "0.05",
      perDayMax: "1.00",
      perMonthMax: "10.00",
      totalMax: "20.00",
      budgets: [{ name: "slow down", count: 20, window: "1m" }],
    },
  },
  {
    name: "everyday",
    about: "USDC on Base: at most 0.50 a call, 10.00 a day, 5.00 a day to one payee, 300.00 in all",
    document: {
      version: 1,
      allowedNetworks: ["base"],
      allowedAssets: ["USDC"],
      perCallMax: "0.50",
      perDayMax: "10.00",
      perWeekMax: "40.00",
      perMonthMax: "100.00",
      totalMax: "300.00",
      budgets: [
        { name: "slow down", count: 60, window: "1m" },
        { name: "one payee", limit: "5.00", window: "day", per: "recipient" },
      ],
    },
  },
  {
    name: "solana",
    about: "USDC on Solana: at most 0.50 a call, 10.00 a day, 300.00 in all",
    document: {
      version: 1,
      allowedNetworks: ["solana"],
      allowedAssets: ["USDC"],
      perCallMax: "0.50",
      perDayMax: "10.00",
      perMonthMax: "100.00",
      totalMax: "300.00",
      budgets: [{ name: "slow down", count: 60, window: "1m" }],
    },
  },
  {
    name: "cardano",
    about: "ADA and stablecoins on Cardano: at most 2.00 a call with fees, 20.00 a day, 300.00 in all",
    document: {
      version: 1,
      allowedNetworks: ["cardano"],
      allowedAssets: ["ADA", "DJED", "USDCx", "USDM", "iUSD"],
      perCallMax: "2.00",
      perDayMax: "20.00",
      perMonthMax: "100.00",
      totalMax: "300.00",
      maxNetworkFee: "1.00",
      budgets: [{ name: "slow down", count: 20, window: "1m" }],
    },
  },
  {
    name: "testnet",
    about:
      "test money, worth nothing, on Base Sepolia, Solana's devnet, Cardano's preprod: 2.00 a call, 50.00 a day",
    document: {
      version: 1,
      allowedNetworks: ["base-sepolia", "solana-devnet", "cardano-preprod"],
      allowedAssets: ["ADA", "USDC", "tUSDM"],
      perCallMax: "2.00",
      perDayMax: "50.00",
      totalMax: "500.00",
      budgets: [{ name: "slow down", count: 120, window: "1m" }],
    },
  },
];

export const presetNamed = (name: string): Preset | undefined =>
  PRESETS.find((preset) => preset.name === name);
