// Times as a human reads and writes them on a command line: local, to the minute.
import { parseDuration } from "../policy/windows.ts";
import { X402Error } from "../protocol/errors.ts";

/** "2026-11-20 12:00" of an instant in unix ms, in this machine's time zone. */
export function localTime(ms: number): string {
  const at = new Date(ms);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

const DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * The instant (unix ms) that a text names: "2h" or "7d" ago, or a date such as 2026-11-20, 2026-11-20T12:00 (local) or
 * 2026-11-20T12:00Z. Throws USAGE.
 */
export function parseTime(text: string, now: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago * 1000;
  // A bare date is the local midnight; Date.parse alone would take it as UTC.
  const at = DATE.test(text) ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : NaN;
  if (Number.isNaN(at)) {
    throw new X402Error("USAGE", `${text} is no time`, {
      hint: "write 2h or 7d (ago), 2026-11-20, or 2026-11-20T12:00Z",
    });
  }
  return at;
}
