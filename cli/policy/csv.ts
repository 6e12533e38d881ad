// CSV that a spreadsheet can be given although others chose the text in it.
import { printable } from "../terminal.ts";

/** What a spreadsheet takes for the start of a formula. */
const FORMULA = /^[=+\-@\t\r|]/;

/**
 * One line of CSV (RFC 4180) without its end. Every field is quoted; what is not printable is escaped as on a terminal,
 * and a text that a spreadsheet would run begins with an apostrophe.
 */
export const csvLine = (fields: readonly string[]): string => fields.map(field).join(",");

function field(text: string): string {
  const safe = printable(text);
  return `"${(FORMULA.test(safe.trimStart()) ? `'${safe}` : safe).replaceAll('"', '""')}"`;
}
