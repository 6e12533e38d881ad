// Flags and environment -> options. Pure: what they name is opened by others.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { X402Error } from "../protocol/errors.ts";
import { runFolder, stateFolder } from "../protocol/places.ts";
import type { DaemonOptions } from "./daemon.ts";
import { inheritedSockets } from "./sockets/inherited.ts";

export const FLAGS_HELP = `
  --home DIR          ledger and lock (default: X402_HOME/signer, X402_HOME defaults to ~/.x402)
  --sockets DIR       agent.sock, agents/<name>.sock, operator.sock, desk.sock, observer.sock
                      (default: $XDG_RUNTIME_DIR/x402, else X402_HOME/run; not used with sockets of systemd)
  --operator-uid UID  who may call operator.sock beside root; so --desk-uid and --observer-uid; each may come
                      more than once (default: this user; with sockets of systemd: whoever their mode lets in)
  --credential FILE   unlock at start with what x402-vault credential wrote
                      (default: $CREDENTIALS_DIRECTORY/x402-unlock when it is there)
  --require-hardened  refuse to run when a protection that is possible here is off
  --quiet             no log line per decision on stderr
  --help, --version
`;

const uids = { type: "string", multiple: true } as const;

const OPTIONS = {
  home: { type: "string" },
  sockets: { type: "string" },
  "operator-uid": uids,
  "desk-uid": uids,
  "observer-uid": uids,
  credential: { type: "string" },
  "require-hardened": { type: "boolean" },
  quiet: { type: "boolean" },
  help: { type: "boolean" },
  version: { type: "boolean" },
} as const;

export interface Surroundings {
  /** Without the command itself. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Asked only when nothing else says where things go: a user need not have one. */
  readonly homeDirectory: () => string;
}

export type Asked =
  | { readonly is: "help" | "version" }
  | {
      readonly is: "start" | "doctor";
      readonly quiet: boolean;
      readonly requireHardened: boolean;
      readonly options: DaemonOptions;
    };

/** Throws USAGE, and what parseArgs throws (ERR_PARSE_ARGS_*). */
export function readOptions({ args, env, pid, homeDirectory }: Surroundings): Asked {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help || values.version) return { is: values.help ? "help" : "version" };
  const [command = "start", ...more] = positionals;
  if ((command !== "start" && command !== "doctor") || more.length > 0)
    throw new X402Error("USAGE", "the commands beside starting are doctor and restore");
  const inherited = inheritedSockets(env, pid);
  const allow = allowLists(values);
  const credential = values.credential ?? credentialOf(env);
  return {
    is: command,
    quiet: values.quiet === true,
    requireHardened: values["require-hardened"] === true,
    options: {
      home: values.home ?? stateFolder(env, homeDirectory()),
      sockets: values.sockets ?? runFolder(env, homeDirectory()),
      ...(inherited && { inherited }),
      ...(allow && { allow }),
      ...(credential !== undefined && { credential }),
    },
  };
}

const ROLES = ["operator", "desk", "observer"] as const;

function allowLists(values: {
  [role in `${(typeof ROLES)[number]}-uid`]?: string[];
}): DaemonOptions["allow"] {
  const given = ROLES.flatMap((role) => {
    const list = values[`${role}-uid`];
    return list ? [[role, list.map(uidOf)] as const] : [];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** (uid_t) -1 is nobody, to the kernel. */
const NO_UID = 0xffff_ffff;

function uidOf(text: string): number {
  const uid = /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : NO_UID;
  if (uid < NO_UID) return uid;
  throw new X402Error("USAGE", "a uid is a number such as 1000", { hint: "id -u NAME prints it" });
}

/** systemd.exec(5), "Credentials". The file need not be there: the unit names it for those who have one. */
function credentialOf({ CREDENTIALS_DIRECTORY: folder }: Surroundings["env"]): string | undefined {
  return folder === undefined || folder === "" ? undefined : join(folder, "x402-unlock");
}
