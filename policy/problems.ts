// What a schema found wrong with somebody's JSON, as lines that name the place.
import type { z } from "zod";

/** One line for each: "budgets[0].limt: not known to this version". */
export const problemsOf = ({ issues }: z.ZodError): string[] => issues.flatMap(problemsOfIssue);

/** The first few in one line. */
export function inOneLine(problems: readonly string[]): string {
  const shown = problems.slice(0, 5).join("; ");
  return problems.length > 5 ? `${shown}; and more` : shown;
}

function problemsOfIssue(issue: z.core.$ZodIssue): string[] {
  const path = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: not known to this version`);
  }
  if (issue.code === "invalid_key") return [`${path}: must be a name such as "research"`];
  const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  return [path === "" ? message : `${path}: ${message}`];
}

/** ["budgets", 0, "limit"] -> "budgets[0].limit". Keys that are not plain are shown quoted, in ASCII. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const key = String(part).slice(0, 40);
    const shown = /^[\w-]+$/.test(key) ? key : JSON.stringify(key).replaceAll(/[^ -~]/g, "?");
    return text === "" ? shown : `${text}.${shown}`;
  }, "");
}
