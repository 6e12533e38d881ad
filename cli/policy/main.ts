// x402-policy: the rules an agent pays under, and the record of what was paid. It speaks to a running signer; the
// rules are the signer's, and a file changes nothing until it is applied.
import { program, run } from "../command.ts";
import { addApply } from "./apply.ts";
import { addApprovals } from "./approvals.ts";
import { addAudit } from "./audit.ts";
import { addCheck } from "./check.ts";
import { addExplain } from "./explain.ts";
import { addFreeze, addUnfreeze } from "./freeze.ts";
import { addImport } from "./import.ts";
import { addInit } from "./init.ts";
import { addLedger } from "./ledger.ts";
import { addPrice } from "./price.ts";
import { addReconcile } from "./reconcile.ts";
import { addReplay } from "./replay.ts";
import { addSchema } from "./schema.ts";
import { addSet, addUnset } from "./set.ts";
import { addShow } from "./show.ts";
import { addSpending } from "./spending.ts";
import { addTest } from "./test.ts";

const policy = program("x402-policy", "what an agent may pay, and what it has paid");
const commands = [
  addInit,
  addShow,
  addSet,
  addUnset,
  addApply,
  addCheck,
  addTest,
  addReplay,
  addImport,
  addSchema,
  addExplain,
  addPrice,
  addSpending,
  addAudit,
  addApprovals,
  addFreeze,
  addUnfreeze,
  addLedger,
  addReconcile,
];
for (const add of commands) add(policy);
await run(policy);
