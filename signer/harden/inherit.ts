// Descriptors that the restart in place hands on. Node marks all that it was started with as close-on-exec, so that its
// children get none, and has no function to take that back.
import { bindLibc } from "./libc.ts";

/** fcntl(2). */
const F_SETFD = 2;

/** False where it cannot be done: then the process has to go on as it is. */
export function keepAcrossExec(descriptors: Iterable<number>): boolean {
  const libc = bindLibc({ fcntl: { return: "i32", arguments: ["i32", "i32", "i32"] } });
  return libc !== undefined && [...descriptors].every((fd) => libc.functions.fcntl(fd, F_SETFD, 0) === 0);
}
