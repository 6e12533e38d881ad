// x402-policy show: the document in force, as a file that `apply` takes.
import type { Command } from "commander";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, say } from "../terminal.ts";
import { localTime } from "../times.ts";
import { requireApplied } from "./applied.ts";

export const addShow = (policy: Command): Command =>
  policy
    .command("show")
    .description("print the policy in force as JSON; edit it as a file and give it to apply")
    .addOption(socketOption())
    .action(show);

async function show(options: SocketOptions): Promise<void> {
  const { document, version, hash, appliedAt } = await withSigner(options.socket, requireApplied);
  say(`version ${version}, applied ${localTime(Date.parse(appliedAt))}, hash ${hash}`);
  print(JSON.stringify(document, null, 2));
}
