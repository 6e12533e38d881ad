// Codes of payments that a person is asked about: a part of the table in codes.ts.
import { type Entry, decline, hold, refuse } from "./code-entry.ts";

export const APPROVAL_CODES = {
  TOO_MANY_HOLDS: decline(
    "too much waits for the operator's word already",
    "try again when some of it was decided or has lapsed",
    true,
  ),
  APPROVAL_DENIED: decline("the operator said no to this payment", "do not ask for it again"),
  APPROVAL_EXPIRED: decline(
    "the operator's word on this payment did not come or was not used in time",
    "a new payment with a new id may be asked for",
  ),
  APPROVAL_EXCEEDED: decline(
    "this payment costs more by now than was approved",
    "try again while the approval holds, or ask anew with a new id",
    true,
  ),

  // Holds: what the policy asks a person about.
  APPROVAL_AMOUNT: hold("a payment of this amount needs the operator's word", "wait for it, or pay less"),
  APPROVAL_NEW_RECIPIENT: hold("this payee was never paid before", "wait for the operator's word"),
  APPROVAL_CONSECUTIVE: hold(
    "many payments in a row went to the same place",
    "see whether this is a loop; else wait for the operator's word",
  ),
  APPROVAL_CATEGORY: hold("payments of this claimed category need the operator's word", "wait for it"),
  APPROVAL_CHANGED_PAYEE: hold(
    "this resource was paid to another payee, in another asset or on another network before",
    "wait for the operator's word",
  ),
  APPROVAL_PRICE_JUMP: hold("this costs many times what it used to", "wait for the operator's word"),
  APPROVAL_LOOKALIKE_PAYEE: hold(
    "this payee looks like a known one and is another",
    "compare every character; else wait for the operator's word",
  ),
  APPROVAL_LOOKALIKE_HOST: hold(
    "the claimed host looks like a known one and is another",
    "compare every character; else wait for the operator's word",
  ),

  // Of the commands that decide.
  APPROVAL_UNKNOWN: refuse("nothing waits under this name", "x402-policy approvals lists what waits"),
  APPROVAL_DECIDED: refuse(
    "this was decided already, or has lapsed",
    "x402-policy approvals lists what waits",
  ),
  APPROVAL_ABOVE_DESK: refuse(
    "this is more than a desk may approve",
    "the operator runs x402-policy approvals approve",
  ),
} as const satisfies Record<string, Entry>;
