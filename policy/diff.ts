// What a new document changes, rule by rule, and whether that lets more pass where this is plain.
import { parseUsd } from "../protocol/amount.ts";
import { canonicalJson } from "../protocol/json.ts";
import { DEFAULT_AGENT } from "../protocol/places.ts";
import { SUGAR_FIELDS } from "./compile.ts";
import { DEFAULT_TIMEZONE } from "./document.ts";
import { expiryOf } from "./expiry.ts";
import { isWithin, openingsOf } from "./schedule.ts";
import type { PolicyDocument, RulesDocument } from "./schema.ts";
import { parseDuration } from "./windows.ts";

export type Effect = "looser" | "tighter" | "neither";

/** One change: `from` is absent for what is new, `to` for what is gone. */
export interface Change {
  readonly path: string;
  readonly from?: string;
  readonly to?: string;
  /** "neither" also when it cannot be told. */
  readonly effect: Effect;
}

const ALLOW_LISTS = [
  "allowedNetworks",
  "allowedAssets",
  "allowedRecipients",
  "allowedDomains",
  "allowedCategories",
] as const;
const BLOCK_LISTS = ["blockedRecipients", "blockedDomains", "blockedCategories"] as const;

/** The changes from one document to the next; `from` is undefined when there was none. */
export function diffDocuments(from: PolicyDocument | undefined, to: PolicyDocument): Change[] {
  const before = from ?? { version: 1 };
  return [
    ...scalar("timezone", before.timezone, to.timezone, () => "neither"),
    ...diffRules("", before, to),
    ...scalar("maxValidity", before.maxValidity, to.maxValidity, (a, b) =>
      compare(parseDuration(a ?? "10m") ?? 0, parseDuration(b ?? "10m") ?? 0),
    ),
    ...scalar("maxNetworkFee", before.maxNetworkFee, to.maxNetworkFee, (a, b) =>
      compare(parseUsd(a ?? "1.00"), parseUsd(b ?? "1.00")),
    ),
    // Absent is zero here, and not unlimited.
    ...scalar("maxReleasePerDay", before.maxReleasePerDay, to.maxReleasePerDay, (a, b) =>
      compare(parseUsd(a ?? "0"), parseUsd(b ?? "0")),
    ),
    ...diffDepeg(before.depeg, to.depeg),
    ...diffNamed(
      "assets",
      before.assets ?? [],
      to.assets ?? [],
      (asset) => `${asset.network}/${asset.address}`,
      { added: "looser", removed: "tighter" },
    ),
    ...diffAgents(before, to),
  ];
}

type Asking = RulesDocument & Pick<PolicyDocument, "approve" | "priceJump">;

function diffRules(path: string, from: Asking, to: Asking): Change[] {
  return [
    ...diffApprove(`${path}approve`, from.approve, to.approve),
    ...scalar(
      `${path}priceJump.times`,
      from.priceJump?.times.toString(),
      to.priceJump?.times.toString(),
      countEffect,
    ),
    ...ALLOW_LISTS.flatMap((field) => diffList(path + field, from[field], to[field], "looser")),
    ...BLOCK_LISTS.flatMap((field) => diffList(path + field, from[field], to[field], "tighter")),
    ...diffSchedule(`${path}schedule`, from.schedule, to.schedule),
    ...(["perCallMax", ...SUGAR_FIELDS] as const).flatMap((field) =>
      scalar(path + field, from[field], to[field], usdEffect),
    ),
    ...diffNamed(`${path}budgets`, from.budgets ?? [], to.budgets ?? [], ({ name }) => name, {
      added: "tighter",
      removed: "looser",
    }),
  ];
}

type DepegRule = PolicyDocument["depeg"];

function diffDepeg(from: DepegRule, to: DepegRule): Change[] {
  if (!from || !to) {
    const text = (rule: DepegRule): Scalar => rule && `max ${rule.max}, maxAge ${rule.maxAge}`;
    return scalar("depeg", text(from), text(to), () => (to ? "tighter" : "looser"));
  }
  return [
    ...scalar("depeg.max", from.max, to.max, usdEffect),
    ...scalar("depeg.maxAge", from.maxAge, to.maxAge, (a, b) =>
      compare(parseDuration(a ?? "") ?? 0, parseDuration(b ?? "") ?? 0),
    ),
  ];
}

type ScheduleRule = RulesDocument["schedule"];

/** By what is open in a week of local time: no schedule is open always. */
function diffSchedule(path: string, from: ScheduleRule, to: ScheduleRule): Change[] {
  const text = (rule: ScheduleRule): Scalar => rule && scheduleText(rule);
  return scalar(path, text(from), text(to), () => {
    const [before, after] = [openingsOf(from ?? ALWAYS), openingsOf(to ?? ALWAYS)];
    const [noLess, noMore] = [isWithin(before, after), isWithin(after, before)];
    if (noLess === noMore) return "neither";
    return noLess ? "looser" : "tighter";
  });
}

const ALWAYS = [{ allow: "all" }] as const;

/** "mon, tue 08:00-12:00 and 13:00-17:00; other days none". */
const scheduleText = (entries: NonNullable<ScheduleRule>): string =>
  entries.length === 0
    ? "(empty list)"
    : entries
        .map(({ days, allow }, i) => {
          const when = days ? days.join(", ") : i === 0 ? "every day" : "other days";
          return `${when} ${typeof allow === "string" ? allow : allow.join(" and ")}`;
        })
        .join("; ");

const compare = (from: bigint | number, to: bigint | number): Effect =>
  to > from ? "looser" : to < from ? "tighter" : "neither";

function usdEffect(from: string | undefined, to: string | undefined): Effect {
  if (from === undefined) return "tighter";
  return to === undefined ? "looser" : compare(parseUsd(from), parseUsd(to));
}

/** Of a number that is exceeded before anybody is asked. */
function countEffect(from: string | undefined, to: string | undefined): Effect {
  if (from === undefined) return "tighter";
  return to === undefined ? "looser" : compare(BigInt(from), BigInt(to));
}

type Approve = PolicyDocument["approve"];

function diffApprove(path: string, from: Approve, to: Approve): Change[] {
  const added = (a: Scalar): Effect => (a === undefined ? "tighter" : "looser");
  const names = (approve: Approve): Scalar => approve?.categories?.join(", ");
  return [
    ...scalar(`${path}.above`, from?.above, to?.above, usdEffect),
    ...scalar(`${path}.newRecipient`, from?.newRecipient?.toString(), to?.newRecipient?.toString(), added),
    ...scalar(
      `${path}.afterConsecutive`,
      from?.afterConsecutive?.toString(),
      to?.afterConsecutive?.toString(),
      countEffect,
    ),
    ...scalar(`${path}.categories`, names(from), names(to), (a, b) =>
      a !== undefined && b !== undefined ? "neither" : added(a),
    ),
    ...scalar(`${path}.expires`, from?.expires, to?.expires, () => "neither"),
    // Absent is zero here, and not unlimited.
    ...scalar(`${path}.deskMax`, from?.deskMax, to?.deskMax, (a, b) =>
      compare(parseUsd(a ?? "0"), parseUsd(b ?? "0")),
    ),
  ];
}

type Scalar = string | undefined;

function scalar(
  path: string,
  from: Scalar,
  to: Scalar,
  effect: (from: Scalar, to: Scalar) => Effect,
): Change[] {
  return from === to ? [] : [change(path, from, to, effect(from, to))];
}

const change = (path: string, from: Scalar, to: Scalar, effect: Effect): Change => ({
  path,
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
  effect,
});

type List = readonly string[] | undefined;

/** `added`: what one more item does. A list that appears or goes is one change, since an absent one is no rule. */
function diffList(path: string, from: List, to: List, added: "looser" | "tighter"): Change[] {
  const removed = added === "looser" ? "tighter" : "looser";
  if (from && to) {
    const gone = from.filter((item) => !to.includes(item));
    const fresh = to.filter((item) => !from.includes(item));
    return [
      ...gone.map((item) => change(path, item, undefined, removed)),
      ...fresh.map((item) => change(path, undefined, item, added)),
    ];
  }
  if (from)
    return [
      change(path, listText(from), undefined, from.length > 0 || added === "looser" ? "looser" : "neither"),
    ];
  return to
    ? [change(path, undefined, listText(to), to.length > 0 || added === "looser" ? "tighter" : "neither")]
    : [];
}

const listText = (list: readonly string[]): string => (list.length === 0 ? "(empty list)" : list.join(", "));

function diffNamed<T extends object>(
  path: string,
  from: readonly T[],
  to: readonly T[],
  nameOf: (item: T) => string,
  effects: { added: Effect; removed: Effect },
): Change[] {
  const before = new Map(from.map((item) => [nameOf(item), item]));
  const after = new Map(to.map((item) => [nameOf(item), item]));
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    const at = `${path}[${name}]`;
    if (a && b)
      return canonicalJson(a) === canonicalJson(b)
        ? []
        : [change(at, itemText(a), itemText(b), itemEffect(a, b))];
    return a
      ? [change(at, itemText(a), undefined, effects.removed)]
      : b
        ? [change(at, undefined, itemText(b), effects.added)]
        : [];
  });
}

/** Plain only when nothing but a budget's limit or count differs. */
function itemEffect(from: object, to: object): Effect {
  const a = from as { limit?: string; count?: number };
  const b = to as { limit?: string; count?: number };
  const rest = (item: object): string => canonicalJson({ ...item, limit: undefined, count: undefined });
  if (rest(from) !== rest(to)) return "neither";
  if (a.limit !== undefined && b.limit !== undefined) return usdEffect(a.limit, b.limit);
  return a.count !== undefined && b.count !== undefined ? compare(a.count, b.count) : "neither";
}

/** { name: "slow", count: 60, window: "1m" } -> "count 60, window 1m". */
const itemText = (item: object): string =>
  Object.entries(item)
    .filter(([key]) => key !== "name" || !("window" in item))
    .map(([key, value]) => `${key} ${typeof value === "object" ? canonicalJson(value) : String(value)}`)
    .join(", ");

/** Without one, whoever the socket's mode lets in may use it. */
function uidEffect(from: Scalar, to: Scalar): Effect {
  if (from === undefined) return "tighter";
  return to === undefined ? "looser" : "neither";
}

type Agents = NonNullable<PolicyDocument["agents"]>;

/** Later is looser; none is for ever. */
function expiryEffect(from: PolicyDocument, to: PolicyDocument): (a: Scalar, b: Scalar) => Effect {
  const at = (text: Scalar, { timezone = DEFAULT_TIMEZONE }: PolicyDocument): number =>
    text === undefined ? Infinity : expiryOf(text, timezone);
  return (a, b) => compare(at(a, from), at(b, to));
}

function diffAgents(before: PolicyDocument, after: PolicyDocument): Change[] {
  const [from, to]: [Agents, Agents] = [before.agents ?? {}, after.agents ?? {}];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.flatMap((name) => {
    const path = `agents.${name}`;
    const [a, b] = [from[name], to[name]];
    if (a && b) {
      const who = scalar(`${path}.uid`, a.uid?.toString(), b.uid?.toString(), uidEffect);
      const ends = scalar(`${path}.expires`, a.expires, b.expires, expiryEffect(before, after));
      return [...who, ...ends, ...diffRules(`${path}.`, a, b)];
    }
    // An agent that is not named may pay nothing, but for the default one: without rules of its own it has only the
    // household's.
    const [named, gone] =
      name === DEFAULT_AGENT ? (["tighter", "looser"] as const) : (["looser", "tighter"] as const);
    if (a) return [change(path, canonicalJson(a), undefined, gone)];
    return b ? [change(path, undefined, canonicalJson(b), named)] : [];
  });
}
