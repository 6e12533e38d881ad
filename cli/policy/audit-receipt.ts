// x402-policy audit receipt: what the signer attests of one payment, for somebody who has to believe it.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print } from "../terminal.ts";

interface Options extends SocketOptions {
  agent?: string;
}

export const addReceipt = (audit: Command): Command =>
  audit
    .command("receipt")
    .description("print the signed receipt of a payment (x402-audit-verify --receipt checks it)")
    .argument("<intent>", "the id of the payment's intent")
    .option("--agent <name>", "the agent that paid", "default")
    .addOption(socketOption())
    .action(receipt);

async function receipt(id: string, { agent = "default", socket }: Options): Promise<void> {
  const { receipt: jws } = await withSigner(socket, (signer) =>
    operatorCall(signer, "receipt.get", { agent, id }),
  );
  print(jws);
}
