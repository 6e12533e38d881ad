// Slots and the time they begin at. A slot lasts one second on these networks since Shelley, counted from a point of
// each network's own. Source: the networks' genesis files (systemStart, epoch and slot lengths of Byron and Shelley).
//
// Preprod and preview write the same addresses: bytes alone do not tell which of the two their slots are of.
import type { Caip2 } from "../../protocol/networks.ts";

/** Unix seconds at which slot 0 would have begun, had slots lasted a second from the start. */
const SLOT_ZERO: ReadonlyMap<Caip2, number> = new Map([
  ["cardano:mainnet", 1_596_059_091 - 4_492_800],
  ["cardano:preprod", 1_655_769_600 - 86_400],
  ["cardano:preview", 1_666_656_000],
]);

/** The slot that begins at a unix second; undefined where there is none, or the network is not known. */
export function slotAt(network: Caip2, seconds: number): number | undefined {
  const zero = SLOT_ZERO.get(network);
  return zero === undefined || seconds < zero ? undefined : seconds - zero;
}

/** The unix second at which a slot begins. */
export function timeOfSlot(network: Caip2, slot: number): number | undefined {
  const zero = SLOT_ZERO.get(network);
  return zero === undefined ? undefined : slot + zero;
}
