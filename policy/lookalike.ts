// Hosts that look like another one: one character away, or the same to the eye. What is compared is a name's skeleton,
// by a small part of Unicode's confusables (UTS 39, 4) for what a host can hold.

const CONFUSABLES: Readonly<Record<string, string>> = {
  ...{ "0": "o", "1": "l", ı: "i", ł: "l", ø: "o", đ: "d", ħ: "h", ß: "b", æ: "ae", œ: "oe" },
  ...{
    а: "a",
    в: "b",
    с: "c",
    ԁ: "d",
    е: "e",
    ё: "e",
    ғ: "f",
    һ: "h",
    н: "h",
    і: "i",
    ї: "i",
    ј: "j",
    к: "k",
  },
  ...{
    ӏ: "l",
    м: "m",
    п: "n",
    о: "o",
    р: "p",
    ԛ: "q",
    ѕ: "s",
    т: "t",
    ѵ: "v",
    ԝ: "w",
    х: "x",
    у: "y",
    ү: "y",
  },
  ...{
    α: "a",
    β: "b",
    ε: "e",
    η: "n",
    ι: "i",
    κ: "k",
    ν: "v",
    ο: "o",
    ρ: "p",
    τ: "t",
    υ: "u",
    χ: "x",
    ω: "w",
  },
};

/** Two names with one skeleton look alike. `host` in lower case and punycode. */
export function skeletonOf(host: string): string {
  const name = host.split(".").map(unicodeLabel).join(".");
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "");
  const replaced = Array.from(plain, (char) => CONFUSABLES[char] ?? char).join("");
  return replaced.replaceAll("rn", "m").replaceAll("vv", "w").replaceAll("cl", "d");
}

/** An address has no name that could look like another. */
export const isAddress = (host: string): boolean => /^\[|^[0-9.]+$/.test(host);

/** True when one insertion, removal or replacement of a character makes `b` of `a`; false when they are the same. */
export function isOneAway(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (at === long.length) return false;
  return short.length === long.length
    ? short.slice(at + 1) === long.slice(at + 1)
    : short.slice(at) === long.slice(at + 1);
}

// RFC 3492, 5 and 6.2.
const [BASE, TMIN, TMAX, SKEW, DAMP, FIRST_BIAS, FIRST_POINT] = [36, 1, 26, 38, 700, 72, 128];

/** "xn--pypal-4ve" -> "pаypal"; a label that is no punycode stays as it is. */
function unicodeLabel(label: string): string {
  if (!label.startsWith("xn--")) return label;
  return decodePunycode(label.slice(4)) ?? label;
}

function decodePunycode(text: string): string | undefined {
  const split = text.lastIndexOf("-");
  const points = Array.from(split > 0 ? text.slice(0, split) : "", (char) => char.codePointAt(0) ?? 0);
  let [point, bias, place, at] = [FIRST_POINT, FIRST_BIAS, 0, split > 0 ? split + 1 : 0];
  while (at < text.length) {
    const before = place;
    const read = readInteger(text, at, bias);
    if (!read) return undefined;
    place += read.value;
    at = read.end;
    const count = points.length + 1;
    bias = adapt(place - before, count, before === 0);
    point += Math.floor(place / count);
    place %= count;
    if (point > 0x10ffff) return undefined;
    points.splice(place++, 0, point);
  }
  return String.fromCodePoint(...points);
}

function readInteger(text: string, from: number, bias: number): { value: number; end: number } | undefined {
  let [value, weight] = [0, 1];
  for (let [at, k] = [from, BASE]; ; at++, k += BASE) {
    const digit = parseInt(text[at] ?? "", BASE);
    // Digits are a-z for 0-25 and 0-9 for 26-35: the other way round than JavaScript's.
    const worth = digit < 10 ? digit + 26 : digit - 10;
    if (Number.isNaN(digit)) return undefined;
    value += worth * weight;
    const threshold = Math.min(Math.max(k - bias, TMIN), TMAX);
    if (worth < threshold) return { value, end: at + 1 };
    weight *= BASE - threshold;
    if (weight > 2 ** 40) return undefined;
  }
}

function adapt(delta: number, count: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / count);
  let k = 0;
  for (; rest > ((BASE - TMIN) * TMAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - TMIN));
  return k + Math.floor(((BASE - TMIN + 1) * rest) / (rest + SKEW));
}
