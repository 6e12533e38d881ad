// argon2id (RFC 9106, version 0x13) through Node's own implementation.
//
// A vault file is untrusted until its key is found, so what it asks for is bounded before it runs: below the lower
// bounds a stolen file would be cheap to try, above the upper ones opening a prepared file would eat the machine.
import { argon2 } from "node:crypto";
import { X402Error } from "../protocol/errors.ts";
import { KEY_BYTES } from "./keys.ts";
import { Secret } from "./secret.ts";

export const SALT_BYTES = 16;

export interface KdfCost {
  readonly memoryKiB: number;
  readonly passes: number;
  /** Computed in parallel; an owner and an attacker gain alike. */
  readonly lanes: number;
}

/** 256 MiB, 3 passes, 4 lanes: RFC 9106's second recommendation with four times its memory. About 0.5 s on two free cores, 0.8 s on one. */
export const DEFAULT_COST: KdfCost = { memoryKiB: 256 * 1024, passes: 3, lanes: 4 };

/** The least that a vault may ask for; about 40 ms. */
export const LOWEST_COST: KdfCost = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 };

const HIGHEST_COST: KdfCost = { memoryKiB: 2 * 1024 * 1024, passes: 16, lanes: 8 };
/** Memory times passes: at most 2 GiB four times, some ten seconds. */
const HIGHEST_WORK = 4 * HIGHEST_COST.memoryKiB;

/** Throws VAULT_KDF_COST for a cost outside the bounds. */
export function assertCost(cost: KdfCost): void {
  const within = (key: keyof KdfCost) =>
    Number.isInteger(cost[key]) && cost[key] >= LOWEST_COST[key] && cost[key] <= HIGHEST_COST[key];
  const sane = within("memoryKiB") && within("passes") && within("lanes");
  if (!sane || cost.memoryKiB * cost.passes > HIGHEST_WORK) {
    throw new X402Error(
      "VAULT_KDF_COST",
      `${cost.memoryKiB} KiB, ${cost.passes} passes, ${cost.lanes} lanes`,
    );
  }
}

/** 32 bytes; runs on a thread of Node's pool. `salt` is 16 bytes. Throws VAULT_KDF_COST before any work. */
export async function deriveKey(passphrase: Secret, salt: Uint8Array, cost: KdfCost): Promise<Secret> {
  assertCost(cost);
  const { memoryKiB: memory, passes, lanes: parallelism } = cost;
  return await new Promise((resolve, reject) => {
    passphrase.use((message) => {
      const parameters = { message, nonce: salt, parallelism, tagLength: KEY_BYTES, memory, passes };
      argon2("argon2id", parameters, (error, key) => {
        if (error) reject(error);
        else resolve(Secret.take(key));
      });
    });
  });
}
