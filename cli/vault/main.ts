// x402-vault: the human's command for the wallet. It holds the passphrase for seconds and starts no daemon.
import { program, run } from "../command.ts";
import { addAddresses } from "./addresses.ts";
import { addCheck } from "./check.ts";
import { addCredential } from "./credential.ts";
import { addExport } from "./export.ts";
import { addImport } from "./import.ts";
import { addInit } from "./init.ts";
import { addLock } from "./lock.ts";
import { addMove } from "./move.ts";
import { addRotate } from "./rotate.ts";
import { addStatus } from "./status.ts";
import { addUnlock } from "./unlock.ts";

const vault = program("x402-vault", "the wallet of an agent that never holds its key");
const commands = [
  addInit,
  addImport,
  addAddresses,
  addUnlock,
  addLock,
  addStatus,
  addRotate,
  addMove,
  addExport,
  addCheck,
  addCredential,
];
for (const add of commands) add(vault);
await run(vault);
