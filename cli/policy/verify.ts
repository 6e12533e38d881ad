// x402-policy audit verify: x402-audit-verify's checks against a running signer, and against the newest head that this
// operator has seen.
import type { Command } from "commander";
import { type SignerConnection, operatorCall } from "../../client/signer.ts";
import { X402Error } from "../../protocol/errors.ts";
import { Audit } from "../../verify/audit.ts";
import { isKey } from "../../verify/export-file.ts";
import { type Report, linesOf } from "../../verify/report.ts";
import { Untrue } from "../../verify/untrue.ts";
import { keepHead, knownHead } from "../head.ts";
import { type SocketOptions, socketOption, withSigner } from "../operator.ts";
import { print, printable } from "../terminal.ts";
import { readAudit } from "./audit-rows.ts";

interface Options extends SocketOptions {
  key?: string;
  json?: true;
}

export const addVerify = (audit: Command): Command =>
  audit
    .command("verify")
    .description(
      "prove that no row was changed or lost, and that sums and limits hold (exit status 1 when not)",
    )
    .option("--key <key>", "the public audit key, as you noted it; without it the signer's own word is taken")
    .option("--json", "print the report as JSON")
    .addOption(socketOption())
    .action(verify);

async function verify({ socket, key, json }: Options): Promise<void> {
  try {
    const report = await withSigner(socket, (signer) => verifyRecord(signer, key));
    keepHead(report.head);
    print(json ? JSON.stringify(report) : linesOf(report).join("\n"));
  } catch (error) {
    if (!(error instanceof Untrue)) throw error;
    print(
      json ? JSON.stringify({ true: false, why: error.message }) : `not true: ${printable(error.message)}`,
    );
    process.exitCode = 1;
  }
}

/** Throws Untrue, and USAGE for a key that is none. */
async function verifyRecord(signer: SignerConnection, key: string | undefined): Promise<Report> {
  if (key !== undefined && !isKey(key)) throw new X402Error("USAGE", "--key is 32 bytes in base64url");
  const status = await operatorCall(signer, "signer.status", {});
  const seen = knownHead();
  const header = {
    ledger: status.head.ledger,
    ...(status.auditKey === undefined ? {} : { key: status.auditKey }),
  };
  const audit = new Audit(header, { heads: seen ? [seen] : [], keys: key === undefined ? [] : [key] });
  const { head, counters, seal } = await readAudit(signer, (row) => {
    audit.row(row);
  });
  return audit.end({ head, counters, ...(seal === undefined ? {} : { seal }) });
}
