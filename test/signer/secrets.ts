// Looking for secrets in what came out of a signer: as they are, in hex, and in base64 at every alignment.

/** The forms of `secret` that occur in `bytes`; a secret must not occur in any. */
export function formsIn(bytes: Uint8Array | string, secrets: readonly Buffer[]): string[] {
  const haystack = Buffer.from(bytes as Uint8Array);
  const lower = haystack.toString("latin1").toLowerCase();
  const plain = haystack.toString("latin1").replaceAll("-", "+").replaceAll("_", "/");
  return secrets.flatMap((secret) => {
    const found: string[] = [];
    if (haystack.includes(secret)) found.push("raw");
    if (lower.includes(secret.toString("hex"))) found.push("hex");
    for (let shift = 0; shift < 3; shift++) {
      if (plain.includes(base64Core(secret, shift))) found.push(`base64 at ${shift}`);
    }
    return found;
  });
}

/** The characters of a base64 text that hold nothing but bits of `secret`, when `shift` bytes stand before it. */
function base64Core(secret: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), secret])
    .toString("base64")
    .replace(/=+$/, "");
  return text.slice(Math.ceil((shift * 8) / 6), -1);
}
