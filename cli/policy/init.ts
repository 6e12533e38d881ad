// x402-policy init: a first policy, from a preset.
import { Option, type Command } from "commander";
import { parseDocument } from "../../policy/document.ts";
import { PRESETS, type Preset, presetNamed } from "../../policy/presets.ts";
import { X402Error } from "../../protocol/errors.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { askText } from "../prompt.ts";
import { say, table } from "../terminal.ts";
import { type Yes, change, readApplied } from "./applied.ts";

type Options = SocketOptions & Yes & { preset?: string };

const names = PRESETS.map(({ name }) => name);

export const addInit = (policy: Command): Command =>
  policy
    .command("init")
    .description("apply a first policy, made from a preset")
    .addOption(new Option("--preset <name>", "which one, instead of asking").choices(names))
    .option("--yes", "apply it without asking")
    .addOption(socketOption())
    .action(init);

async function init(options: Options): Promise<void> {
  await withSigner(options.socket, async (signer) => {
    if (await readApplied(signer)) {
      throw new X402Error("USAGE", "a policy is in force already", {
        hint: "change it with x402-policy set or apply",
      });
    }
    const preset = options.preset === undefined ? await choose() : presetNamed(options.preset);
    if (!preset) throw new X402Error("USAGE", "no such preset", { hint: `choose ${names.join(", ")}` });
    say(`${preset.name}: ${preset.about}`);
    await change(signer, undefined, parseDocument(preset.document), options);
  });
}

async function choose(): Promise<Preset | undefined> {
  for (const line of table(PRESETS.map(({ name, about }) => [`  ${name}`, about]))) say(line);
  return presetNamed(await askText(`Which one (${names.join(", ")})? `));
}
