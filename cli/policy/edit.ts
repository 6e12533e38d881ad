// One field of a document, named by a path: perDayMax, agents.research.perDayMax, budgets[slow down].count,
// assets[0].pegged. What the field may hold is the schema's to say; this only puts the value there.
import { X402Error } from "../../protocol/errors.ts";
import { type Json, parseJson } from "../../protocol/json.ts";

type JsonObject = { [key: string]: Json };

const STEP = /(?:^|(?<!^)\.)([A-Za-z0-9_-]+)|\[([^\]]+)\]/y;
const LISTS = /^(?:allowed|blocked)[A-Z]/;
const NUMBERS: readonly string[] = ["count", "decimals", "version"];

/** "agents.a.budgets[slow down].count" -> ["agents", "a", "budgets", "slow down", "count"]. Throws USAGE. */
export function parsePath(path: string): string[] {
  const steps: string[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    const step = match?.[1] ?? match?.[2];
    if (step === undefined || step === "__proto__") throw notAField(path);
    steps.push(step);
  }
  if (steps.length === 0) throw notAField(path);
  return steps;
}

const notAField = (path: string): X402Error =>
  new X402Error("USAGE", `${path} is not the path of a field`, {
    hint: 'write perDayMax, agents.research.perDayMax or "budgets[slow down].count"',
  });

/** A copy of the document with the field set to what the text means there. Throws USAGE, INVALID_REQUEST. */
export function withField(document: object, path: string, text: string): Json {
  const steps = parsePath(path);
  const { copy, parent, last } = locate(document, steps, path, true);
  const value = valueOf(last, text);
  if (!Array.isArray(parent)) parent[last] = value;
  else {
    const at = indexOf(parent, last);
    const named = typeof value === "object" && !Array.isArray(value) && steps.at(-2) === "budgets";
    parent[at === -1 ? parent.length : at] = named ? { name: last, ...value } : value;
  }
  return copy;
}

/** A copy of the document without the field. Throws USAGE when there is none. */
export function withoutField(document: object, path: string): Json {
  const { copy, parent, last } = locate(document, parsePath(path), path, false);
  const at = Array.isArray(parent) ? indexOf(parent, last) : last;
  if (at === -1 || !Object.hasOwn(parent, at)) throw new X402Error("USAGE", `there is no ${path}`);
  if (Array.isArray(parent)) parent.splice(Number(at), 1);
  else Reflect.deleteProperty(parent, last);
  return copy;
}

/** `make`: objects and lists on the way that are missing are made. */
function locate(document: object, steps: readonly string[], path: string, make: boolean) {
  const copy = structuredClone(document) as JsonObject;
  let parent: JsonObject | Json[] = copy;
  for (const step of steps.slice(0, -1)) {
    let next: Json | undefined = Array.isArray(parent) ? parent[indexOf(parent, step)] : parent[step];
    if (next === undefined && make && !Array.isArray(parent)) {
      next = parent[step] = step === "budgets" || step === "assets" ? [] : {};
    }
    if (typeof next !== "object" || next === null)
      throw new X402Error("USAGE", `there is no ${step} in ${path}`);
    parent = next;
  }
  return { copy, parent, last: steps.at(-1) ?? "" };
}

/** An item by its name or by its position; -1 when there is none. */
function indexOf(list: readonly Json[], step: string): number {
  const named = list.findIndex((item) => (item as JsonObject | null)?.["name"] === step);
  if (named !== -1 || !/^\d{1,4}$/.test(step)) return named;
  return Number(step) < list.length ? Number(step) : -1;
}

function valueOf(field: string, text: string): Json {
  if (/^\s*[[{]/.test(text)) return parseJson(text, "the value");
  if (LISTS.test(field))
    return text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  if (NUMBERS.includes(field) && /^\d{1,15}$/.test(text)) return Number(text);
  return field === "pegged" && text === "true" ? true : text;
}
