// When an agent's permission ends: at the start of a date in the document's time zone, or at an instant.

const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const INSTANT =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-5][0-9](\.[0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;

/** "2027-01-01" as it is; an ISO 8601 instant in UTC: "2027-01-01T02:00+02:00" -> "2027-01-01T00:00:00Z". */
export function canonicalExpiry(text: string): string | undefined {
  try {
    if (DATE.test(text)) return Temporal.PlainDate.from(text).toString();
    return INSTANT.test(text) ? Temporal.Instant.from(text).toString() : undefined;
  } catch {
    return undefined;
  }
}

/** Unix ms of a canonical expiry: from then on it is over. */
export const expiryOf = (text: string, timezone: string): number =>
  DATE.test(text)
    ? Temporal.PlainDate.from(text).toZonedDateTime(timezone).epochMilliseconds
    : Temporal.Instant.from(text).epochMilliseconds;
