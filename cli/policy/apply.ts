// x402-policy apply FILE: another document takes the place of the one in force.
import type { Command } from "commander";
import { X402Error } from "../../protocol/errors.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { type Yes, change, readApplied } from "./applied.ts";
import { readDocument } from "./document-file.ts";

type Options = SocketOptions & Yes & { base?: string };

export const addApply = (policy: Command): Command =>
  policy
    .command("apply")
    .description("show what a document would change, and apply it")
    .argument("<file>", "the document, - for stdin")
    .option("--base <hash>", "only if this is the hash of the policy in force (show prints it)")
    .option("--yes", "apply it without asking")
    .addOption(socketOption())
    .action(apply);

async function apply(file: string, options: Options): Promise<void> {
  const next = await readDocument(file);
  await withSigner(options.socket, async (signer) => {
    const applied = await readApplied(signer);
    if (options.base !== undefined && options.base !== (applied?.hash ?? ""))
      throw new X402Error("POLICY_STALE");
    await change(signer, applied, next, options);
  });
}
