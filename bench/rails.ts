// The three rails side by side, over one signer that has all of them loaded; Solana next to the reference client's own
// time, Cardano next to Lucid's.
import { type Reference, cardanoReference, solanaReference } from "./references.ts";
import { latencies, median, percentile, rate } from "./load.ts";
import { type Home, type Rig, startRig } from "./rig.ts";
import { ASKED } from "./terms.ts";

type RailName = keyof typeof ASKED;
const RAILS = Object.keys(ASKED) as RailName[];
const ROUNDS = 7;

/** One payment over the socket; throws unless it was signed. */
export async function signOn({ agent }: Rig, rail: RailName): Promise<void> {
  const reply = await agent.call("payment.sign", ASKED[rail]());
  if (!reply.includes('"outcome":"signed"')) throw new Error(`expected a signature on ${rail}, got ${reply}`);
}

/** `home` has a phrase and a policy that allows every rail. */
export async function railFigures(home: Home): Promise<Record<string, number>> {
  const references: [string, Reference][] = [
    ["x402-svm", await solanaReference()],
    ["lucid", await cardanoReference()],
  ];
  const rig = await startRig(home);
  const times = new Map<string, number[]>();
  const rates = new Map<RailName, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    const warm = round > 0;
    for (const rail of RAILS) {
      const taken = await latencies(200, () => signOn(rig, rail));
      const perSecond = await rate(64, 1000, () => signOn(rig, rail));
      if (!warm) continue;
      times.set(rail, [...(times.get(rail) ?? []), ...taken]);
      rates.set(rail, [...(rates.get(rail) ?? []), perSecond]);
    }
    for (const [name, sign] of references) {
      const taken = await latencies(200, sign);
      if (warm) times.set(name, [...(times.get(name) ?? []), ...taken]);
    }
  }
  const { rss } = rig.memory();
  await rig.stop();
  return {
    ...Object.fromEntries(
      RAILS.flatMap((rail) => [
        [`${rail}.p50_ms`, median(times.get(rail) ?? [])],
        [`${rail}.p99_ms`, percentile(times.get(rail) ?? [], 99)],
        [`${rail}.throughput.64`, median(rates.get(rail) ?? [])],
      ]),
    ),
    ...Object.fromEntries(references.map(([name]) => [`${name}.p50_ms`, median(times.get(name) ?? [])])),
    "rails.rss_mb": rss,
  };
}
