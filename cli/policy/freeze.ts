// x402-policy freeze, unfreeze: stop signing at once, and see what was signed before and can still be used. No question is
// asked: whoever has to stop something has no time for one, and what is frozen can be lifted.
import type { Command } from "commander";
import { operatorCall } from "../../client/signer.ts";
import type { Alive } from "../../protocol/shapes.ts";
import { keepHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable, say, table } from "../terminal.ts";
import { localTime } from "../times.ts";

type Options = SocketOptions & { json?: true };

export const addFreeze = (policy: Command): Command =>
  policy
    .command("freeze")
    .description("sign nothing more for an agent, or for anyone; lists what is signed and still alive")
    .argument("[agent]", "everyone when absent")
    .option("--json", "print the signer's answer as JSON")
    .addOption(socketOption())
    .action(freeze);

export const addUnfreeze = (policy: Command): Command =>
  policy
    .command("unfreeze")
    .description("lift a freeze: of an agent, or the one of everyone")
    .argument("[agent]", "the freeze of everyone when absent")
    .addOption(socketOption())
    .action(unfreeze);

async function freeze(agent: string | undefined, options: Options): Promise<void> {
  const { frozen, alive, head } = await withSigner(options.socket, (signer) =>
    operatorCall(signer, "agent.freeze", agent === undefined ? {} : { agent }),
  );
  keepHead(head);
  say(describeFrozen(frozen));
  say(describeAlive(alive));
  if (options.json === true) print(JSON.stringify({ frozen, alive, head }));
  else for (const line of table(aliveRows(alive), [1, 2])) print(line);
}

async function unfreeze(agent: string | undefined, options: SocketOptions): Promise<void> {
  const { frozen, head } = await withSigner(options.socket, (signer) =>
    operatorCall(signer, "agent.unfreeze", agent === undefined ? {} : { agent }),
  );
  keepHead(head);
  print(describeFrozen(frozen));
}

/** One sentence on what is frozen, or on nothing being so. */
export function describeFrozen(frozen: readonly string[]): string {
  if (frozen.length === 0) return "Nothing is frozen.";
  const agents = frozen.filter((name) => name !== "*").map(printable);
  if (agents.length === frozen.length) return `Frozen: ${agents.join(", ")}.`;
  return agents.length === 0
    ? "Everyone is frozen."
    : `Everyone is frozen, and ${agents.join(", ")} by name.`;
}

function describeAlive({ count, usd, until, payments }: Alive): string {
  if (until === undefined) return "Nothing that was signed is still alive.";
  const listed = payments.length < count ? `; the newest ${payments.length} are listed` : "";
  return [
    `${count} signed before can still be used, ${usd} USD in all, until ${localTime(Date.parse(until))}${listed}.`,
    "Nothing here can call them back: they end with their time, or by moving the money out of the account first.",
    "(A token's cancelAuthorization would need the account's key and gas; this signer signs none.)",
  ].join("\n");
}

const aliveRows = ({ payments }: Alive): string[][] =>
  payments.length === 0
    ? []
    : [
        ["agent", "USD", "amount", "asset", "network", "payee", "until", "intent"],
        ...payments.map(({ agent, usd, amount, symbol, network, payTo, expiresAt, id = "" }) =>
          [agent, usd, amount, symbol, network, payTo, localTime(Date.parse(expiresAt)), id].map(printable),
        ),
      ];
