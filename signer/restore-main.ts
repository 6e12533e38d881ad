// x402-signer restore as a command: what it did on stdout, what is wrong on stderr.
import { fail } from "./fault.ts";
import { RESTORE_HELP, readRestoreOptions, restore } from "./restore.ts";

try {
  process.umask(0o077);
  const asked = readRestoreOptions(process.argv.slice(3), process.env);
  if (asked) {
    const { ledger, seq, hash } = restore(asked);
    process.stdout.write(`restored ledger ${ledger}: ${seq} rows, head ${hash}\nnext: start x402-signer\n`);
  } else process.stdout.write(RESTORE_HELP);
} catch (error) {
  fail(error);
}
