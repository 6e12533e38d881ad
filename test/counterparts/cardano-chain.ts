// A Cardano network on this machine: a ledger with the real rules (cardano-ledger.ts), and the three kinds of endpoint
// that tell of it, each on a port of its own.
//
//   blockfrost  GET  /genesis /blocks/latest /blocks/{height or hash} /epochs/latest/parameters
//                    /addresses/{address}/utxos /txs/{hash} /txs/{hash}/utxos (with consumed_by_tx); POST /tx/submit
//   koios       GET  /genesis /tip /blocks /epoch_params
//               POST /address_utxos /utxo_info /address_txs /tx_info /tx_status /submittx
//   ogmios      POST queryNetwork/tip queryNetwork/blockHeight queryNetwork/genesisConfiguration queryLedgerState/tip
//                    queryLedgerState/protocolParameters queryLedgerState/utxo (by address or reference)
//                    submitTransaction
import { serveBlockfrost } from "./cardano-blockfrost.ts";
import type { Lie } from "./cardano-http.ts";
import { serveKoios } from "./cardano-koios.ts";
import { CardanoLedger, type CardanoNetwork } from "./cardano-ledger.ts";
import { serveOgmios } from "./cardano-ogmios.ts";

const SERVERS = { blockfrost: serveBlockfrost, koios: serveKoios, ogmios: serveOgmios };
export type CardanoApi = keyof typeof SERVERS;

export type CardanoChain = Awaited<ReturnType<typeof startCardanoChain>>;

/** Money comes from `ledger.fund`, time from `ledger.advance`. */
export async function startCardanoChain(network: CardanoNetwork = "cardano:preprod") {
  const ledger = new CardanoLedger(network);
  const servers: { close(): Promise<void> }[] = [];
  /** One more endpoint of this ledger, which may lie: its URL. */
  const serve = async (api: CardanoApi, lie?: Lie): Promise<string> => {
    const server = await SERVERS[api](ledger, lie);
    servers.push(server);
    return server.url;
  };
  const [blockfrost, koios, ogmios] = [
    await serve("blockfrost"),
    await serve("koios"),
    await serve("ogmios"),
  ];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  return { network, ledger, urls: { blockfrost, koios, ogmios }, serve, close };
}
