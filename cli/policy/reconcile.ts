// x402-policy reconcile: looks up what became of payments that have expired, at two endpoints or more, and brings it to the
// signer, which decides. It touches a network, so it speaks to the desk's socket and never to the operator's.
import { type Command, InvalidArgumentError, Option } from "commander";
import { deskSocket } from "../../client/paths.ts";
import { type SignerConnection, connectSigner, deskCall } from "../../client/signer.ts";
import { X402Error } from "../../protocol/errors.ts";
import type { Unresolved } from "../../protocol/finding.ts";
import type { ResultOf } from "../../protocol/methods.ts";
import { type Caip2, nameOf, networkOf, railOf } from "../../protocol/networks.ts";
import { DESK_SOCKET } from "../../protocol/places.ts";
import { defaultSocket, describeDefault } from "../default-socket.ts";
import { CARDANO_APIS } from "./reconcile-cardano.ts";
import { Chains } from "./reconcile-chains.ts";
import { Endpoint } from "./reconcile-endpoint.ts";
import { type Keys, addKey, assertUsed } from "./reconcile-key.ts";
import { Tally } from "./reconcile-tally.ts";

interface Options {
  readonly rpc: readonly (readonly [Caip2, string])[];
  readonly key?: Keys;
  readonly timeout: number;
  readonly socket: string;
  readonly json?: true;
}

type Page = ResultOf<"ledger.unresolved">;

const ENDPOINTS_NEEDED = 2;
const MOST_ENDPOINTS = 8;
/** Their findings, with the longest names there are, fit into one request line. */
const PAYMENTS_AT_ONCE = 8;

export const addReconcile = (policy: Command): Command =>
  policy
    .command("reconcile")
    .description(
      "look up expired payments on their chains; give back what was never used (exit status 1: some are left)",
    )
    .requiredOption(
      "--rpc <network=url>",
      "an endpoint, such as base=https://rpc.example.com; on Cardano with what it speaks, such as cardano=koios+https://…; two or more for each network",
      addUrl,
    )
    .option(
      "--key <host=file>",
      "a file, readable by nobody else, with the key that the endpoint on this host asks for",
      addKey,
    )
    .option("--timeout <seconds>", "for each request to an endpoint", seconds, 10)
    .option("--json", "print one JSON object for each payment")
    .addOption(deskOption())
    .action(reconcile);

const deskOption = (): Option =>
  new Option("--socket <path>", "the desk's socket of the signer").default(
    defaultSocket(deskSocket(), DESK_SOCKET),
    describeDefault(DESK_SOCKET),
  );

function addUrl(text: string, before: Options["rpc"] = []): Options["rpc"] {
  const at = text.indexOf("=");
  const network = networkOf(text.slice(0, Math.max(at, 0)));
  if (network === undefined || railOf(network) === undefined)
    throw new InvalidArgumentError("Write it such as base=https://rpc.example.com");
  const url = text.slice(at + 1);
  const api = /^([a-z]+)\+/.exec(url)?.[1];
  const apis = railOf(network) === "cardano" ? CARDANO_APIS : undefined;
  if (apis ? !apis.includes(api ?? "") : api !== undefined) {
    const hint = apis?.map((name) => `${nameOf(network)}=${name}+https://…`) ?? [
      `${nameOf(network)}=https://…`,
    ];
    throw new InvalidArgumentError(`Write it such as ${hint.join(" or ")}`);
  }
  return [...before, [network, url]];
}

function seconds(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError("1 to 999");
  return Number(text);
}

async function reconcile({ rpc, key = new Map(), timeout, socket, json }: Options): Promise<void> {
  const all = rpc.map(([network, url]) => new Endpoint(network, url, { timeout: timeout * 1000, keys: key }));
  assertUsed(key, all);
  const endpoints = Map.groupBy(all, ({ network }) => network);
  for (const [network, group] of endpoints) assertIndependent(network, group);
  const signer = await connectSigner(socket);
  try {
    const chains = new Chains(endpoints);
    const tally = new Tally(json === true);
    for await (const { payments, unloaded } of pages(signer)) {
      await reconcilePage(signer, chains, payments, tally);
      tally.leaveOut(unloaded ?? []);
    }
    tally.finish();
  } finally {
    signer.close();
  }
}

/** Two names for one endpoint prove nothing more than one. */
function assertIndependent(network: Caip2, endpoints: readonly Endpoint[]): void {
  const origins = new Set(endpoints.map(({ origin }) => origin));
  if (origins.size >= ENDPOINTS_NEEDED && endpoints.length <= MOST_ENDPOINTS) return;
  const hint = "each should be run by somebody else, or be your own node";
  throw new X402Error(
    "USAGE",
    `${nameOf(network)} needs 2 to ${MOST_ENDPOINTS} endpoints with different hosts`,
    { hint },
  );
}

async function* pages(signer: SignerConnection): AsyncIterable<Page> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: Page = await deskCall(signer, "ledger.unresolved", { after });
    yield page;
    after = page.next;
  }
}

async function reconcilePage(
  signer: SignerConnection,
  chains: Chains,
  payments: readonly Unresolved[],
  tally: Tally,
): Promise<void> {
  for (const [network, group] of Map.groupBy(payments, (payment) => payment.network)) {
    for (let at = 0; at < group.length; at += PAYMENTS_AT_ONCE) {
      const some = group.slice(at, at + PAYMENTS_AT_ONCE);
      const findings = chains.answers(network) < ENDPOINTS_NEEDED ? [] : await chains.look(network, some);
      const answer =
        findings.length === 0 ? undefined : await deskCall(signer, "ledger.reconcile", { findings });
      for (const payment of some) tally.add(payment, answer);
    }
  }
}
