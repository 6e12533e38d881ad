// Keys that endpoints ask for, each in a file of its own: what is in arguments or URLs, every process of the machine reads.
import { InvalidArgumentError } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { readSecret } from "../vault/secret-file.ts";

/** By host, with the port where it is not the usual one: a key goes to this host and to no other. */
export type Keys = ReadonlyMap<string, string>;

/** Throws USAGE for a file that cannot be read, that other users can read, or that holds no key. */
export function addKey(text: string, before: Keys = new Map()): Keys {
  const at = text.indexOf("=");
  const host = text.slice(0, Math.max(at, 0));
  if (!URL.canParse(`https://${host}`) || new URL(`https://${host}`).host !== host)
    throw new InvalidArgumentError("Write it such as cardano-mainnet.blockfrost.io=FILE");
  using secret = readSecret(text.slice(at + 1), "the key");
  const key = secret.use((bytes) => Buffer.from(bytes).toString("latin1"));
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new X402Error("USAGE", `the key for ${host} is not one line of text`);
  return new Map([...before, [host, key]]);
}

/** A key for a host that is not asked would be a typing error, told as a refusal by that host. */
export function assertUsed(keys: Keys, endpoints: readonly { readonly host: string }[]): void {
  for (const host of keys.keys())
    if (!endpoints.some((endpoint) => endpoint.host === host))
      throw new X402Error("USAGE", `there is a --key for ${host}, and no --rpc on it`);
}

export const headerOf = (key: string, api: string | undefined): Readonly<Record<string, string>> =>
  api === "blockfrost" ? { project_id: key } : { authorization: `Bearer ${key}` };
