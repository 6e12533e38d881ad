// A process that writes a private file again and again, for tests that kill it or run several.
// writer.ts FILE A B SIZE: replaces the file by A * SIZE, B * SIZE, ... for ever.
// writer.ts FILE count N: adds one to the number in the file, N times, and prints how often it did.
import { X402Error } from "../../protocol/errors.ts";
import { replacePrivate } from "../../vault/file.ts";

const LIMIT = 100_000;
const [path = "", first = "", second = "", size = "0"] = process.argv.slice(2);

if (first === "count") {
  let done = 0;
  while (done < Number(second)) done += addOne() ? 1 : 0;
  process.stdout.write(String(done));
} else {
  const contents = [first, second].map((letter) => Buffer.from(letter.repeat(Number(size))));
  for (let at = 0; ; at++) {
    replacePrivate(path, LIMIT, () => contents[at % 2]!);
    process.stdout.write(".");
  }
}

function addOne(): boolean {
  try {
    replacePrivate(path, LIMIT, (old) => Buffer.from(String(Number(Buffer.from(old ?? []).toString()) + 1)));
    return true;
  } catch (error) {
    if (error instanceof X402Error && error.code === "VAULT_BUSY") return false;
    throw error;
  }
}
