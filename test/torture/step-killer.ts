// A signer that kills itself (SIGKILL) at the nth pass of a named step of a payment: X402_KILL="<step>,<n>".
//
// Run in place of signer/main.ts. The steps are found by wrapping what the real code calls, so that it needs no hooks.
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { StatementSync } from "node:sqlite";
import { HeadFile } from "../../signer/ledger/head.ts";
import { Ledger } from "../../signer/ledger/ledger.ts";
import { FairQueue } from "../../signer/ledger/queue.ts";
import { loadCardanoRail } from "../../chains/cardano/rail.ts";
import { evmRail } from "../../chains/evm/rail.ts";
import { loadSolanaRail } from "../../chains/solana/rail.ts";
import { STEPS, type Step } from "./steps.ts";

const [wanted, nth] = (process.env["X402_KILL"] ?? "").split(",");
if (!STEPS.some((step) => step === wanted)) throw new Error(`no step ${wanted}`);
let passes = 0;

function pass(step: Step): void {
  if (step !== wanted || ++passes < Number(nth)) return;
  writeSync(2, `killed at: ${step}\n`);
  process.kill(process.pid, "SIGKILL");
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Replaces a method; the steps are named by a function of the object it is called on. */
function wrap(
  owner: object,
  name: string,
  steps: (self: unknown) => { before?: Step; after?: Step } | undefined,
): void {
  const methods = owner as Record<string, Method>;
  const original = methods[name];
  if (!original) throw new Error(`there is no ${name} to wrap`);
  methods[name] = function (...args) {
    const { before, after } = steps(this) ?? {};
    if (before) pass(before);
    const result = original.apply(this, args);
    if (after) pass(after);
    return result;
  };
}

const STATEMENTS: readonly [start: string, { before?: Step; after?: Step }][] = [
  ["BEGIN", { after: "commit: begun" }],
  ["INSERT INTO audit", { before: "commit: before the row", after: "commit: row written" }],
  ["INSERT INTO payments", { after: "commit: payment written" }],
  ["INSERT INTO counters", { after: "commit: counter written" }],
  ["COMMIT", { before: "commit: before it", after: "commit: done" }],
];

wrap(Ledger.prototype, "find", () => ({ after: "identified" }));
const methodsOf = (rail: object): object => Object.getPrototypeOf(rail) as object;
const rails = [evmRail, methodsOf(await loadSolanaRail()), methodsOf(await loadCardanoRail())];
for (const rail of rails) {
  wrap(rail, "draft", () => ({ before: "resolved", after: "drafted" }));
  wrap(rail, "sign", () => ({ before: "recorded", after: "signed" }));
}
wrap(FairQueue.prototype, "push", () => ({ after: "queued" }));
wrap(StatementSync.prototype, "run", (self) => {
  const sql = (self as StatementSync).sourceSQL;
  return STATEMENTS.find(([start]) => sql.startsWith(start))?.[1];
});
wrap(HeadFile.prototype, "write", () => ({ before: "head: before it", after: "head: written" }));
wrap(Socket.prototype, "write", () => ({ before: "replies: before", after: "replies: written" }));

await import("../../signer/main.ts");
