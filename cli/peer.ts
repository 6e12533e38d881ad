// Who listens on a socket that we are connected to: SO_PEERCRED (unix(7)), which on the client's side is whoever called
// listen(). Linux only; Node has no function for it but its experimental FFI.
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_WORDS = 3;

/** The listener's uid; undefined where it cannot be asked. */
export function listenerUid(fd: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const ffi = loadFfi();
    const { functions } = ffi.dlopen(null, {
      getsockopt: { return: "i32", arguments: ["i32", "i32", "i32", "pointer", "pointer"] },
    });
    const credentials = new Uint32Array(UCRED_WORDS);
    const length = new Uint32Array([credentials.byteLength]);
    const [to, size] = [ffi.getRawPointer(credentials.buffer), ffi.getRawPointer(length.buffer)];
    const failed = functions.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, to, size);
    return failed === 0 && length[0] === credentials.byteLength ? credentials[1] : undefined;
  } catch {
    return undefined; // a Node without FFI
  }
}

/** Without the warning that it is experimental: it is for those who write programs, not for those who run this one. */
function loadFfi() {
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning") ?? {};
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule("node:ffi");
  } finally {
    Object.defineProperty(process, "emitWarning", own);
  }
}
