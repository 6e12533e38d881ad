// Another system's document, read member by member: what nobody asked for is left over, and told.
import { formatUsd, parseUsd } from "../protocol/amount.ts";
import { pathText } from "./problems.ts";
import { MAX_USD } from "./schema.ts";

/** The document cannot be what it is said to be. The message names the place. */
export class ImportInvalid extends Error {}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Digits that a JSON number keeps when it is read as a double. */
const EXACT_DIGITS = 15;
const MAX_LIST = 1000;

export class Source {
  readonly path: readonly PropertyKey[];
  readonly #members: Members;
  readonly #asked = new Set<string>();
  readonly #inner = new Map<string, Source>();

  constructor(value: unknown, path: readonly PropertyKey[] = []) {
    if (!isMembers(value)) throw new ImportInvalid(`${pathText(path) || "the document"}: must be an object`);
    this.#members = value;
    this.path = path;
  }

  /** "x402.allowed_chains" */
  at(key: PropertyKey): string {
    return pathText([...this.path, key]);
  }

  /** Undefined for a member that is absent or null, which is how others write absent. */
  get(key: string): unknown {
    this.#asked.add(key);
    return Object.hasOwn(this.#members, key) ? (this.#members[key] ?? undefined) : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Paths of all members that nobody has asked for, here and in what was read of it. */
  unknown(): string[] {
    const own = Object.keys(this.#members).filter((key) => !this.#asked.has(key));
    return [
      ...own.map((key) => this.at(key)),
      ...[...this.#inner.values()].flatMap((inner) => inner.unknown()),
    ];
  }

  object(key: string): Source | undefined {
    const value = this.get(key);
    return value === undefined ? undefined : this.#enter(value, [...this.path, key]);
  }

  objects(key: string): Source[] {
    return (this.list(key) ?? []).map((value, i) => this.#enter(value, [...this.path, key, i]));
  }

  list(key: string): readonly unknown[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length <= MAX_LIST) return value as unknown[];
    throw this.wrong(key, `must be a list of at most ${MAX_LIST}`);
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(key, "must be text");
  }

  texts(key: string): readonly string[] | undefined {
    return this.list(key)?.map((value, i) => {
      if (typeof value === "string") return value;
      throw new ImportInvalid(`${pathText([...this.path, key, i])}: must be text`);
    });
  }

  /** A decimal as text or as a JSON number, in USD: "5.00". */
  usd(key: string): string | undefined {
    const value = this.get(key);
    return value === undefined ? undefined : this.#usd(key, value);
  }

  count(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.wrong(key, "must be a whole number");
  }

  wrong(key: string, what: string): ImportInvalid {
    return new ImportInvalid(`${this.at(key)}: ${what}`);
  }

  #usd(key: string, value: unknown): string {
    const text = typeof value === "number" ? exact(value) : value;
    if (typeof text !== "string") throw this.wrong(key, AMOUNT);
    try {
      const amount = parseUsd(text);
      if (amount <= MAX_USD) return formatUsd(amount);
    } catch {
      // as below
    }
    throw this.wrong(key, AMOUNT);
  }

  /** Whoever asks for it a second time reads on in the same one. */
  #enter(value: unknown, path: readonly PropertyKey[]): Source {
    const name = pathText(path);
    const inner = this.#inner.get(name) ?? new Source(value, path);
    this.#inner.set(name, inner);
    return inner;
  }
}

const AMOUNT = 'must be an amount in USD such as 5 or "0.05", with at most six decimals';

/** The digits that were written; undefined where a double may not have them all. */
function exact(value: number): string | undefined {
  const text = String(value);
  return text.replaceAll(/[^0-9]/g, "").length <= EXACT_DIGITS ? text : undefined;
}
