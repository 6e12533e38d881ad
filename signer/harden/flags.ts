// The flags of Node that the signer runs with: the permission model, so that there is something to give up, and less of
// everything that it has no use for.
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import { X402Error } from "../../protocol/errors.ts";

export interface Places {
  /** State: read and written for as long as the signer runs. */
  readonly home: string;
  /** Read and written until all sockets listen; absent where others have made them. */
  readonly sockets?: string;
  /** Read at start. */
  readonly credential?: string;
}

/** The signer's main module: in the sources, or the bundle, which is one file. */
export const MAIN = import.meta.filename.replace(/harden\/[a-z]+(\.[jt]s)$/, "main$1");
const BUNDLED = MAIN.endsWith(".js");

/** The folders beside signer/ that it is made of, and packages, each by way of the one that needs it. */
const FOLDERS = BUNDLED ? [] : ["signer", "vault", "policy", "chains", "protocol"];
const PACKAGES = [
  ["tiny-secp256k1"],
  ["tiny-secp256k1", "uint8array-tools"],
  ["libsodium-sumo"],
  ...(BUNDLED ? [] : [["zod"], ["@scure/base"]]),
];

/** V8 and the allocator take these at the start only: they halve the memory under load, and cost no speed. */
const MEMORY = [
  "--max-semi-space-size=2",
  "--heap-growing-percent=10",
  "--no-maglev",
  "--no-sparkplug",
  // Twice the default: the start alone does not wake the optimizing compiler, whose code is 5 MB that would stay.
  "--invocation-count-for-turbofan=6000",
  "--expose-gc",
];

const HARDENED = [
  "--permission",
  "--allow-net", // to listen
  // One function of the C library says who calls, others shut this process's memory.
  ...(hasFfi() ? ["--allow-ffi"] : []),
  "--no-addons",
  "--disallow-code-generation-from-strings",
  "--disable-proto=throw",
  "--disable-sigusr1", // which would start the inspector
  // Bytes for OpenSSL's own copies of keys: locked in memory and left out of dumps (CRYPTO_secure_malloc_init(3)).
  "--secure-heap=65536",
  // Node's word that the permission model, --allow-ffi and --allow-net are to be used with care.
  "--disable-warning=ExperimentalWarning",
  "--disable-warning=PERM0003",
];

/** What is asked of the kernel before the files are given up: see kernel.ts. */
const KERNEL = ["/proc", "/sys/fs/cgroup"];

/** True in a process that was started with what signerFlags gives. */
export const isHardened = (): boolean =>
  [...MEMORY, ...HARDENED].every((flag) => process.execArgv.includes(flag));

/** No flag of node but these, whatever folders they grant. */
export const hasOnlyOurFlags = (): boolean =>
  process.execArgv.every(
    (flag) => [...MEMORY, ...HARDENED].includes(flag) || /^--allow-fs-(read|write)=/.test(flag),
  );

/** What node is to be started with to run MAIN on these places. Throws USAGE for a path that cannot be granted. */
export function signerFlags({ home, sockets, credential }: Places): string[] {
  for (const folder of [home, sockets ?? home]) refuseCodeIn(resolve(folder));
  const files = [...code(), ...KERNEL, ...(credential === undefined ? [] : [resolve(credential)])];
  const folders = sockets === undefined ? [] : [sockets];
  const readable = files.map((path) => `--allow-fs-read=${path}`);
  const flags = [...MEMORY, ...HARDENED, ...readable, ...[...folders, home].flatMap(folderGrants)];
  const path = flags.find((flag) => flag.replace(/\/\*$/, "").includes("*"))?.replace(/^[^=]*=/, "");
  if (path === undefined) return flags;
  throw new X402Error("USAGE", `${path} has an asterisk, which Node's permissions take for any name`);
}

/** What runs in the signer writes there, and would be the code of the next start. */
function refuseCodeIn(folder: string): void {
  if (MAIN.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    throw new X402Error("USAGE", `${folder} holds the signer's own code: give it a folder of its own`);
}

/** Reading and writing, with all that is below. Node would see whether a path is a folder, but it need not be there yet. */
export const folderGrants = (folder: string): string[] =>
  ["read", "write"].flatMap((act) =>
    ["", "/*"].map((below) => `--allow-fs-${act}=${resolve(folder)}${below}`),
  );

/** An option that this node does not know would end it. */
function hasFfi(): boolean {
  const variables: Readonly<Record<string, unknown>> = process.config.variables;
  return variables["node_use_ffi"] === true;
}

function code(): string[] {
  const manifest = findPackageJSON(import.meta.url);
  if (manifest === undefined) throw new X402Error("INTERNAL", "the signer's package.json is missing");
  const folders = FOLDERS.map((folder) => join(dirname(manifest), folder));
  return [MAIN, manifest, ...folders, ...PACKAGES.flatMap((path) => packagePlaces(path, MAIN))];
}

/** Where Node looks for a package, up to where it is; for what a package needs, from there. */
function packagePlaces([name = "", ...needed]: readonly string[], from: string): string[] {
  const places: string[] = [];
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const packages = join(folder, "node_modules");
    const place = join(packages, name);
    // A link on the way is looked at by itself.
    places.push(...(isLink(packages) ? [packages] : []), place);
    if (existsSync(place)) {
      const real = realpathSync(place);
      return [...places, real, ...(needed.length === 0 ? [] : packagePlaces(needed, join(real, "lib")))];
    }
    if (folder === dirname(folder)) throw new X402Error("INTERNAL", `the package ${name} is missing`);
  }
}

const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
