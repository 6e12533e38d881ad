// x402-policy set PATH VALUE and unset PATH: one field of the policy in force.
import type { Command } from "commander";
import { parseDocument } from "../../policy/document.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { type Yes, change, readApplied, requireApplied } from "./applied.ts";
import { withField, withoutField } from "./edit.ts";

type Options = SocketOptions & Yes;

const VALUES = "USD such as 5.00, a list such as base,polygon, or JSON";

export const addSet = (policy: Command): Command =>
  policy
    .command("set")
    .description('change one field: set perDayMax 5.00, set "budgets[slow down].count" 30')
    .argument("<path>", "the field")
    .argument("<value>", VALUES)
    .option("--yes", "apply it without asking")
    .addOption(socketOption())
    .action(set);

export const addUnset = (policy: Command): Command =>
  policy
    .command("unset")
    .description("take one field away, and with it its rule")
    .argument("<path>", "the field")
    .option("--yes", "apply it without asking")
    .addOption(socketOption())
    .action(unset);

async function set(path: string, value: string, options: Options): Promise<void> {
  await withSigner(options.socket, async (signer) => {
    const applied = await readApplied(signer);
    const next = parseDocument(withField(applied?.document ?? { version: 1 }, path, value));
    await change(signer, applied, next, options);
  });
}

async function unset(path: string, options: Options): Promise<void> {
  await withSigner(options.socket, async (signer) => {
    const applied = await requireApplied(signer);
    await change(signer, applied, parseDocument(withoutField(applied.document, path)), options);
  });
}
