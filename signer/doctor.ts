// x402-signer doctor: each protection, whether it holds here, and what to do where it does not. Nothing is started.
import { PROTECTIONS, type Protections } from "./harden/protections.ts";

const NAME_WIDTH = Math.max(...Object.keys(PROTECTIONS).map((name) => name.length));
const STATE_WIDTH = "impossible".length;

/** One line for each protection, and one more for what to do where it is off. */
export function diagnosis(found: Protections): string {
  const lines = Object.entries(PROTECTIONS).map(([name, { means, remedy }]) => {
    const state = found[name] ?? "off";
    const line = `${state.padEnd(STATE_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${means}\n`;
    return state === "on" ? line : `${line}${" ".repeat(STATE_WIDTH)}  -> ${remedy}\n`;
  });
  return lines.join("");
}

/** Names of those that are off although they could be on. */
export const missing = (found: Protections): string[] =>
  Object.keys(PROTECTIONS).filter((name) => (found[name] ?? "off") === "off");
