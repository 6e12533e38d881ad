/** The places of a payment at which step-killer.ts can end the signer: between any two of its steps, in the commit too. */
export const STEPS = [
  "identified",
  "resolved",
  "drafted",
  "queued",
  "commit: begun",
  "commit: before the row",
  "commit: row written",
  "commit: payment written",
  "commit: counter written",
  "commit: before it",
  "commit: done",
  "head: before it",
  "head: written",
  "recorded",
  "signed",
  "replies: before",
  "replies: written",
] as const;
export type Step = (typeof STEPS)[number];
