// Folders of the signer's: nobody else looks into them.
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { X402Error } from "../protocol/errors.ts";

/** Makes a folder 0700, or throws UNSAFE_HOME for one that others can write to or that is somebody else's. */
export function privateFolder(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) throw new X402Error("UNSAFE_HOME", `${folder} is not a folder`);
  if (stat.uid !== process.getuid?.())
    throw new X402Error("UNSAFE_HOME", `${folder} belongs to another user`);
  if ((stat.mode & 0o077) !== 0) throw new X402Error("UNSAFE_HOME", `${folder} is open to other users`);
  chmodSync(folder, 0o700);
}
