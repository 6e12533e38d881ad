// The one table of codes. A decline and an error share it, because a caller handles both by code.
//
// A *decline* is a result: the payment was considered, and the decision is on record.
// An *error* was not considered (malformed, locked, conflict, signer down); on the socket it is JSON-RPC
// { code: -32000, message, data: { code, retryable, hint } }.
//
// `retryable`: the same request may succeed later without anyone changing the request.
// `exit`: what a command exits with: 0 done, 1 the answer is no, 2 wrong use, 3 not now, 4 fault.
// Texts are lower-case, without a period, and never hold a secret or a text that a seller chose.

import { APPROVAL_CODES } from "./approval-codes.ts";
import { type Entry, decline, fault, later, refuse } from "./code-entry.ts";

export const CODES = {
  // Declines: what the policy, the draft or the state of the wallet says no to.
  NO_POLICY: decline("no policy is applied, so nothing may be paid", "the operator runs x402-policy init"),
  AGENT_EXPIRED: decline(
    "the permission of this agent has ended",
    "the operator may set a later agents.<name>.expires",
  ),
  CHAIN_NOT_ALLOWED: decline("this network is not in allowedNetworks", "pay on an allowed network"),
  ASSET_NOT_ALLOWED: decline("this asset is not in allowedAssets", "pay with an allowed asset"),
  ASSET_UNKNOWN: decline(
    "this asset is not in the registry, whatever name the seller gives it",
    "the operator may add it to the policy's assets",
  ),
  NO_PRICE: decline(
    "this asset has no USD value here",
    "the operator runs x402-policy price set, or marks a stablecoin as pegged",
  ),
  STABLECOIN_DEPEG: decline(
    "this stablecoin is further from 1.00 USD than depeg allows",
    "pay with another asset, or wait until it is back at its peg",
  ),
  PRICE_STALE: decline(
    "the newest price of this stablecoin is older than depeg allows",
    "try again when there is a new price; the operator runs x402-policy price set",
    true,
  ),
  RECIPIENT_NOT_ALLOWED: decline("this payee is not in allowedRecipients", "the operator may add the payee"),
  RECIPIENT_BLOCKED: decline("this payee is in blockedRecipients", "do not pay this payee"),
  DOMAIN_NOT_ALLOWED: decline(
    "the claimed domain is missing or not in allowedDomains",
    "send the URL that is paid for",
  ),
  DOMAIN_BLOCKED: decline("the claimed domain is in blockedDomains", "do not pay this domain"),
  CATEGORY_NOT_ALLOWED: decline(
    "the claimed category is missing or not in allowedCategories",
    "send the category of what is paid for",
  ),
  CATEGORY_BLOCKED: decline("the claimed category is in blockedCategories", "do not pay for this"),
  OUTSIDE_SCHEDULE: decline(
    "the schedule allows no payments at this time",
    "try again when the schedule allows it",
    true,
  ),
  AMOUNT_EXCEEDS_PER_REQUEST_LIMIT: decline("one payment may not cost this much", "look for a lower price"),
  SESSION_BUDGET_EXCEEDED: decline("the budget of the session is spent", "a new session starts a new budget"),
  DAILY_BUDGET_EXCEEDED: decline("the budget of the day is spent", "try again when the day is over", true),
  WEEKLY_BUDGET_EXCEEDED: decline("the budget of the week is spent", "try again when the week is over", true),
  MONTHLY_BUDGET_EXCEEDED: decline(
    "the budget of the month is spent",
    "try again when the month is over",
    true,
  ),
  WINDOW_BUDGET_EXCEEDED: decline(
    "the budget of a rolling window is spent",
    "try again when the window has moved",
    true,
  ),
  BUDGET_EXCEEDED: decline("the total budget is spent", "the operator may raise it"),
  VELOCITY_LIMIT_EXCEEDED: decline("too many payments in this window", "slow down and try again", true),
  TOO_MANY_KEYS: decline(
    "too many new payees, domains or resources today for a per-key budget",
    "try again tomorrow or ask the operator",
    true,
  ),
  UNLOCK_BUDGET_EXCEEDED: decline("what this unlock was given is spent", "the operator unlocks again"),
  SCHEME_NOT_SUPPORTED: decline("this payment scheme is not supported", "choose terms with scheme exact"),
  TRANSFER_METHOD_NOT_SUPPORTED: decline(
    "this transfer method is not supported",
    "choose terms without one, or with eip3009 or default",
  ),
  NETWORK_NOT_SUPPORTED: decline("this network is not supported", "choose terms on a supported network"),
  INVALID_PAYEE: decline("the payee is not a payable address on this network", "check the seller's terms"),
  SELF_PAYMENT: decline("the payee is the wallet itself", "check the seller's terms"),
  AMOUNT_TOO_LARGE: decline("the amount does not fit the token's number type", "check the seller's terms"),
  CONTEXT_INVALID: decline(
    "what this network needs to be known is missing or cannot be used",
    "give the client a source for this network: docs/protocol.md, context",
  ),
  FEE_PAYER_INVALID: decline(
    "the seller's fee payer is missing, the wallet, or a part of the transfer",
    "check the seller's terms",
  ),
  MEMO_INVALID: decline("the seller's memo is longer than 256 bytes", "check the seller's terms"),
  NETWORK_FEE_TOO_HIGH: decline(
    "the network's fee and deposit are above maxNetworkFee",
    "pay on another network, or the operator may raise maxNetworkFee",
  ),
  FUNDS_INSUFFICIENT: decline(
    "the outputs that the wallet can spend do not cover this",
    "the operator puts money into the wallet",
  ),
  INPUTS_LOCKED: decline(
    "what the wallet can spend is tied up in payments that are alive",
    "try again when the first of them is over",
    true,
  ),
  TRANSACTION_TOO_LARGE: decline(
    "the payment needs more inputs than a transaction holds",
    "the operator sends the wallet's money to itself, as one output",
  ),
  NO_ACCOUNT: decline(
    "the vault has no account for this network",
    "the operator imports one with x402-vault import",
  ),

  // What a person was asked about, or refused.
  ...APPROVAL_CODES,

  // Wrong use: the request itself must change.
  INVALID_REQUEST: refuse("the request is not well-formed", "compare it with docs/protocol.md"),
  METHOD_NOT_FOUND: refuse(
    "no such method on this socket",
    "see docs/protocol.md for the methods of each role",
  ),
  CALLER_NOT_ALLOWED: refuse(
    "this user may not use this socket",
    "see docs/deployment.md for who may use which",
  ),
  LINE_TOO_LONG: refuse("the request line is too long", "keep a request within 64 KiB"),
  INTENT_UNKNOWN: refuse("no payment of this agent is on record under this intent id", "check the id"),
  INTENT_CONFLICT: refuse("this intent id was used for another payment", "use a new id for a new payment"),
  INTENT_FINAL: refuse(
    "this payment was settled, or its budget given back",
    "use a new id for a new payment",
  ),
  AGENT_UNKNOWN: refuse("the policy names no such agent", "x402-policy show lists the agents"),
  SESSION_UNKNOWN: refuse("no such open session", "open a session"),
  POLICY_INVALID: refuse("the policy document is not valid", "run x402-policy check FILE"),
  POLICY_STALE: refuse("the policy has changed since it was read", "read it again and repeat the change"),
  TERMS_INVALID: refuse("the seller's payment terms cannot be read", "the seller must send valid x402 terms"),
  BODY_NOT_REPLAYABLE: refuse(
    "the request body cannot be sent twice",
    "send at most 1 MiB, or a string, buffer or form instead of a stream",
  ),
  LEDGER_EXISTS: refuse(
    "there is a ledger in this home",
    "move it away to restore another; nothing was changed",
  ),
  NOTHING_TO_ACCEPT: refuse("the signer did not find this", "x402-policy ledger shows what it found"),
  USAGE: refuse("wrong use", "run the command with --help"),

  // Not now: nothing is wrong with the request.
  SIGNER_LOCKED: later("the signer is locked", "the operator runs x402-vault unlock"),
  SIGNER_UNREACHABLE: later("no signer answers", "start x402-signer"),
  SIGNER_FROZEN: later(
    "the signer is frozen",
    "the operator looks at x402-vault status; x402-policy unfreeze lifts a freeze",
  ),
  INTENT_UNRESOLVED: later(
    "nobody knows yet whether this payment was made",
    "start no new payment in its place; the operator runs x402-policy reconcile",
  ),
  RAIL_NOT_LOADED: later(
    "the signer was started before its policy allowed this network",
    "the operator restarts x402-signer",
  ),
  SESSION_LIMIT: later("too many sessions were opened", "close or reuse sessions"),
  BUSY: later("too many requests at once", "wait for replies before sending more"),
  CLOCK_BEHIND: later(
    "the clock is behind the last record",
    "set the clock right; if it is right, x402-policy ledger accept",
  ),
  CLOCK_AHEAD: later(
    "the clock has leapt ahead of the time since the machine started",
    "set the clock right; if it is right, x402-policy ledger accept",
  ),
  DISK_LOW: later(
    "the disk is nearly full, and the rest is kept for payments",
    "make room on the signer's disk",
  ),
  HOME_IN_USE: later("another signer runs on this home", "stop the other one, or use another --home"),
  SOCKET_IN_USE: later(
    "another signer listens on this socket",
    "stop the other one, or use another socket folder",
  ),
  VAULT_BUSY: later("another command is changing the vault", "wait for it and repeat"),

  // Vault: each way of failing to open has its own name.
  VAULT_MISSING: refuse("there is no vault here", "run x402-vault init"),
  VAULT_EXISTS: refuse("there is a vault already", "nothing was changed; move it away to make another"),
  VAULT_PASSPHRASE: {
    kind: "error",
    retryable: true,
    exit: 1,
    text: "wrong passphrase",
    hint: "nothing was changed; try again",
  },
  VAULT_NOT_A_VAULT: refuse("this file is not a vault", "check the path"),
  VAULT_TRUNCATED: refuse("the vault is cut short", "restore it from a copy"),
  VAULT_DAMAGED: refuse("the vault is damaged", "restore it from a copy"),
  VAULT_VERSION: refuse("the vault was written by a newer version", "update this software"),
  VAULT_KDF_COST: refuse(
    "the vault asks for an absurd key derivation cost",
    "this file was not written by x402-vault",
  ),
  VAULT_UNSAFE_FILE: refuse(
    "the vault or its folder is not private",
    "chmod 600 the file and 700 the folder; behind a link, set X402_HOME to the real path",
  ),
  VAULT_OTHER_LEDGER: refuse(
    "this vault belongs to another ledger",
    "use the signer home it was first unlocked on, or run x402-vault move",
  ),
  CREDENTIAL_ENDED: refuse(
    "the unlock of this credential has ended",
    "make a new one with x402-vault credential, or run x402-vault unlock",
  ),
  HEAD_MISSING: refuse(
    "head.json beside the vault does not have the newest head of its ledger",
    "put it back; if you know that the ledger is whole, x402-vault unlock --no-head",
  ),
  VAULT_REPLACED: refuse("the ledger knows another or a newer vault", "use the newest vault of this signer"),
  PHRASE_INVALID: refuse("this is not a valid recovery phrase or key", "check the words and their order"),
  LISTENER_UNTRUSTED: refuse(
    "the signer's socket cannot be trusted",
    "nothing was sent; check who owns the socket and its folder",
  ),
  ABORTED: {
    kind: "error",
    retryable: true,
    exit: 1,
    text: "stopped at your word",
    hint: "nothing was changed",
  },

  // Faults.
  LEDGER_DAMAGED: fault(
    "the ledger does not match its own record",
    "put the newest copy back, or accept the loss with x402-policy ledger accept",
  ),
  LEDGER_BEHIND: fault(
    "the ledger has lost rows that were recorded",
    "put the newest copy back, or accept the loss with x402-policy ledger accept",
  ),
  LEDGER_MISSING: fault(
    "a part of the ledger is gone",
    "put the newest copy back, or accept the loss with x402-policy ledger accept",
  ),
  LEDGER_SCHEMA: fault("the ledger was written by a newer version", "update this software"),
  LEDGER_WRITE: fault("the ledger could not be written", "check the disk; nothing was signed"),
  VAULT_WRITE: fault(
    "the vault could not be written",
    "the old one is untouched; check the disk and who may write there",
  ),
  NOT_HARDENED: fault("a protection that is possible here is off", "run x402-signer doctor"),
  UNSAFE_HOME: fault(
    "the signer's folder is not private",
    "chmod 700 the folder; behind a link, give the real path",
  ),
  INTERNAL: fault(
    "something went wrong inside",
    "try again; if it stays, report it with the signer's version",
  ),
} as const satisfies Record<string, Entry>;
