// The document that the signer goes by, and how another takes its place: shown as a diff, confirmed, applied.
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { review } from "../../policy/check.ts";
import { type Change, diffDocuments } from "../../policy/diff.ts";
import { compileHousehold, parseDocument } from "../../policy/document.ts";
import type { PolicyDocument } from "../../policy/schema.ts";
import { X402Error } from "../../protocol/errors.ts";
import { keepHead } from "../head.ts";
import { confirm } from "../prompt.ts";
import { printable, say, table } from "../terminal.ts";

export interface Applied {
  readonly document: PolicyDocument;
  readonly version: number;
  readonly hash: string;
  readonly appliedAt: string;
}

/** The applied document, or undefined when there is none. */
export async function readApplied(signer: SignerConnection): Promise<Applied | undefined> {
  const { policy, head } = await operatorCall(signer, "policy.get", {});
  keepHead(head);
  return policy && { ...policy, document: parseDocument(policy.document) };
}

/** The applied document. Throws NO_POLICY when there is none. */
export async function requireApplied(signer: SignerConnection): Promise<Applied> {
  const applied = await readApplied(signer);
  if (!applied) throw new X402Error("NO_POLICY");
  return applied;
}

export interface Yes {
  /** Apply without asking. */
  yes?: true;
}

/**
 * Shows what `next` changes, asks unless told not to, and applies it over what was read. Throws ABORTED on a no, and
 * POLICY_STALE when another document was applied in between.
 */
export async function change(
  signer: SignerConnection,
  applied: Applied | undefined,
  next: PolicyDocument,
  { yes }: Yes,
): Promise<void> {
  const changes = diffDocuments(applied?.document, next);
  if (applied?.hash === compileHousehold(next).hash) {
    say("Nothing changes: this is the policy already.");
    return;
  }
  for (const line of describe(changes, applied !== undefined)) say(line);
  for (const note of newNotes(applied?.document, next)) say(`  note: ${printable(note)}`);
  if (!yes && !(await confirm("Apply it?"))) throw new X402Error("ABORTED");
  const base = applied?.hash ?? "";
  const result = await operatorCall(signer, "policy.apply", { document: next, base });
  keepHead(result.head);
  say(`Policy version ${result.version} (${result.hash.slice(0, 8)}) is in force.`);
  for (const agent of result.restartFor)
    say(`  Restart x402-signer to open the socket of ${printable(agent)}.`);
  for (const rail of result.restartForRails)
    say(`  Restart x402-signer to pay on ${rail}: it loads what its policy allows at the start only.`);
}

/** What a careful reader would ask now and would not have asked before. */
function newNotes(from: PolicyDocument | undefined, to: PolicyDocument): string[] {
  const notes = (document: PolicyDocument) =>
    review(document, Date.now()).map(({ path, text }) => `${path}: ${text}`);
  const old = from ? notes(from) : [];
  return notes(to).filter((note) => !old.includes(note));
}

/** Without a policy before it every rule is new, and looser than nothing at all. */
function describe(changes: readonly Change[], replaces: boolean): string[] {
  return table(
    changes.map(({ path, from, to, effect }) => {
      const sign = from === undefined ? "+" : to === undefined ? "-" : "~";
      const values = [from, to].filter((value) => value !== undefined).map(printable);
      return [
        `  ${sign}`,
        printable(path),
        values.join(" -> "),
        replaces && effect !== "neither" ? effect : "",
      ];
    }),
  );
}
