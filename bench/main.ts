// npm run bench: what a payment costs over the socket, with a durable ledger and a policy, next to what viem's
// in-process signTypedData costs with neither. The two alternate, so that a machine that slows down slows both.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { Secret } from "../vault/secret.ts";
import { create, open } from "../vault/vault.ts";
import { fillHistory } from "./history.ts";
import { latencies, median, percentile, rate } from "./load.ts";
import { policyFigures } from "./policy.ts";
import { railFigures } from "./rails.ts";
import { type Home, POLICY_OF_RAILS, type Rig, makeHome, signOne, startRig } from "./rig.ts";
import { evmIntent } from "./terms.ts";

const json = process.argv.includes("--json");
const ROUNDS = 9;
const IN_FLIGHT = [1, 8, 64, 256] as const;
const HISTORIES = [0, 100_000, 1_000_000] as const;

const say = (text: string): void => {
  if (!json) process.stderr.write(`${text}\n`);
};

const account = privateKeyToAccount(generatePrivateKey());
const TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
} as const;

function viemSign(): Promise<unknown> {
  const { asset, payTo, amount } = evmIntent();
  return account.signTypedData({
    domain: { name: "USDC", version: "2", chainId: 84532, verifyingContract: asset as `0x${string}` },
    types: TYPES,
    primaryType: "TransferWithAuthorization",
    message: {
      from: account.address,
      to: payTo as `0x${string}`,
      value: BigInt(amount),
      validAfter: 0n,
      validBefore: BigInt(Math.floor(Date.now() / 1000) + 60),
      nonce: `0x${"ab".repeat(32)}`,
    },
  });
}

interface Samples {
  viem: number[];
  sequential: number[];
  rates: Map<number, number[]>;
}

async function speed(rig: Rig): Promise<Samples> {
  const samples: Samples = { viem: [], sequential: [], rates: new Map(IN_FLIGHT.map((n) => [n, []])) };
  await latencies(500, viemSign);
  await rate(64, 4000, () => signOne(rig.agent));
  for (let round = 0; round < ROUNDS; round++) {
    samples.viem.push(...(await latencies(500, viemSign)));
    samples.sequential.push(...(await latencies(500, () => signOne(rig.agent))));
    for (const n of IN_FLIGHT) {
      const perSecond = await rate(n, n === 1 ? 500 : 4000, () => signOne(rig.agent));
      samples.rates.get(n)?.push(perSecond);
    }
  }
  return samples;
}

/** The rate at 64 in flight with so many payments on record, the sizes taking turns. */
async function histories(folder: string, fresh: Home): Promise<Map<number, number>> {
  const rigs = new Map<number, Rig>();
  for (const size of HISTORIES) {
    const home = size === 0 ? fresh : await makeHome(join(folder, `history-${size}`));
    if (size > 0) await fillHistory(home.folder, size);
    rigs.set(size, await startRig(home));
    say(`  ledger with ${size} payments on record: ready`);
  }
  const rates = new Map<number, number[]>(HISTORIES.map((size) => [size, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [size, rig] of rigs) {
      const perSecond = await rate(64, 3000, () => signOne(rig.agent));
      if (round > 0) rates.get(size)?.push(perSecond);
    }
  }
  for (const rig of rigs.values()) await rig.stop();
  return new Map([...rates].map(([size, values]) => [size, median(values)]));
}

/** Milliseconds from spawning the process to its first signature; the key derivation is measured by unlockMs. */
async function firstSignature(home: Home): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    const rig = await startRig(home);
    await signOne(rig.agent);
    times.push(performance.now() - start);
    await rig.stop();
  }
  return median(times);
}

/** Milliseconds to open a vault of the default cost. */
async function unlockMs(folder: string): Promise<number> {
  const file = join(folder, "default-cost.enc");
  const passphrase = (): Secret => Secret.take(Buffer.from("a passphrase for the bench"));
  (await create(file, passphrase(), { wallet: { key: Secret.random(32) } })).close();
  const times = await latencies(5, async () => {
    (await open(file, passphrase())).close();
  });
  return median(times);
}

/** Microseconds of an fdatasync after an append of 300 bytes. */
function fsyncUs(folder: string): number {
  const fd = openSync(join(folder, "fsync"), "w");
  const times = Array.from({ length: 300 }, () => {
    writeSync(fd, Buffer.alloc(300, 1));
    const start = performance.now();
    fdatasyncSync(fd);
    return (performance.now() - start) * 1000;
  });
  closeSync(fd);
  return median(times);
}

/** What it takes when it has had nothing to do for three seconds: it gives memory back after one. */
async function idleMemory(rig: Rig): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  return rig.memory().rss;
}

async function run(folder: string): Promise<Record<string, number>> {
  const home = await makeHome(join(folder, "fresh home"));
  const fsync = fsyncUs(folder);
  await (await startRig(home)).stop();
  const first = await firstSignature(home);
  const unlock = await unlockMs(folder);
  const rig = await startRig(home);
  const idle = await idleMemory(rig);
  say("  the signer runs: measuring payments next to viem");
  const samples = await speed(rig);
  const { peak } = rig.memory();
  await rig.stop();
  say("  the three rails, side by side");
  const rails = await railFigures(await makeHome(join(folder, "rails"), POLICY_OF_RAILS));
  const byHistory = await histories(folder, home);
  const viemP50 = median(samples.viem);
  return {
    "sign.sequential.p50_ms": median(samples.sequential),
    "sign.sequential.p99_ms": percentile(samples.sequential, 99),
    ...Object.fromEntries([...samples.rates].map(([n, rates]) => [`sign.throughput.${n}`, median(rates)])),
    "viem.p50_ms": viemP50,
    "viem.rate": 1000 / (samples.viem.reduce((a, b) => a + b, 0) / samples.viem.length),
    ...Object.fromEntries(
      [...byHistory].map(([size, perSecond]) => [`history.${size}.throughput64`, perSecond]),
    ),
    ...rails,
    ...policyFigures(),
    "rss.idle_mb": idle,
    "rss.peak_mb": peak,
    "start.first_signature_ms": first,
    "unlock.ms": unlock,
    "disk.fsync_us": fsync,
  };
}

interface Goal {
  text: string;
  must: (r: Record<string, number>) => boolean;
  figure: (r: Record<string, number>) => string;
}

const ratio = (a: number | undefined, b: number | undefined): number => (a ?? NaN) / (b ?? NaN);

const GOALS: Goal[] = [
  {
    text: "one at a time, p50 at most 1.2x viem's time",
    must: (r) => ratio(r["sign.sequential.p50_ms"], r["viem.p50_ms"]) <= 1.2,
    figure: (r) => `${ratio(r["sign.sequential.p50_ms"], r["viem.p50_ms"]).toFixed(2)}x`,
  },
  {
    text: "64 in flight, at least 2.5x viem's rate",
    must: (r) => ratio(r["sign.throughput.64"], r["viem.rate"]) >= 2.5,
    figure: (r) => `${ratio(r["sign.throughput.64"], r["viem.rate"]).toFixed(2)}x`,
  },
  {
    text: "a million payments on record, within 10 % of none",
    must: (r) => ratio(r["history.1000000.throughput64"], r["history.0.throughput64"]) >= 0.9,
    figure: (r) =>
      `${(100 * ratio(r["history.1000000.throughput64"], r["history.0.throughput64"])).toFixed(0)} %`,
  },
  {
    text: "a payment on Solana, p50 not slower than the reference client's own time",
    must: (r) => ratio(r["solana.p50_ms"], r["x402-svm.p50_ms"]) <= 1,
    figure: (r) => `${ratio(r["solana.p50_ms"], r["x402-svm.p50_ms"]).toFixed(2)}x`,
  },
  {
    text: "a payment on Cardano, p50 not slower than Lucid's own time",
    must: (r) => ratio(r["cardano.p50_ms"], r["lucid.p50_ms"]) <= 1,
    figure: (r) => `${ratio(r["cardano.p50_ms"], r["lucid.p50_ms"]).toFixed(2)}x`,
  },
  {
    text: "a decision by 200 rules, p50 below 50 us",
    must: (r) => (r["policy.200rules.p50_us"] ?? NaN) < 50,
    figure: (r) => `${r["policy.200rules.p50_us"]?.toFixed(0) ?? ""} us`,
  },
  {
    text: "memory at most 70 MB idle",
    must: (r) => (r["rss.idle_mb"] ?? NaN) <= 70,
    figure: (r) => `${r["rss.idle_mb"]?.toFixed(1) ?? ""} MB`,
  },
  {
    text: "memory at most 95 MB under load",
    must: (r) => (r["rss.peak_mb"] ?? NaN) <= 95,
    figure: (r) => `${r["rss.peak_mb"]?.toFixed(1) ?? ""} MB`,
  },
  {
    text: "first signature within 150 ms of start",
    must: (r) => (r["start.first_signature_ms"] ?? NaN) <= 150,
    figure: (r) => `${r["start.first_signature_ms"]?.toFixed(0) ?? ""} ms`,
  },
];

function printTable(results: Record<string, number>): void {
  for (const [name, value] of Object.entries(results)) {
    process.stdout.write(`${name.padEnd(32)} ${value < 10 ? value.toFixed(3) : value.toFixed(0)}\n`);
  }
  process.stdout.write("\n");
  for (const { text, must, figure } of GOALS) {
    process.stdout.write(`${must(results) ? "met   " : "MISSED"} ${text}: ${figure(results)}\n`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "x402-bench-"));
try {
  const results = await run(folder);
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else printTable(results);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
