// The C library, for what Node has no function for. Linux on processors that share the constants used here; elsewhere,
// and on a Node without FFI, there is none of it.
import type { FunctionDefinitions, WrappedFunctionsFromDefinitions } from "node:ffi";

const PROCESSORS = ["x64", "arm64", "riscv64"];

/** Memory that a C function may write to: it never moves, and lives as long as this is held. */
export interface CMemory {
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;
  readonly address: bigint;
}

interface Library<T extends FunctionDefinitions> {
  readonly functions: WrappedFunctionsFromDefinitions<T>;
  /** `bytes` is a multiple of 8. */
  allocate(bytes: number): CMemory;
}

/**
 * Binds functions of this very process, so that no file is looked for; undefined where that cannot be. They go on
 * working after the right to bind others is dropped. The handle, with which others could be bound even then, is let go.
 */
export function bindLibc<const T extends FunctionDefinitions>(definitions: T): Library<T> | undefined {
  if (process.platform !== "linux" || !PROCESSORS.includes(process.arch)) return undefined;
  try {
    const ffi = process.getBuiltinModule("node:ffi");
    const { functions } = ffi.dlopen(null, definitions);
    const allocate = (bytes: number): CMemory => {
      const buffer = new ArrayBuffer(bytes);
      return memoryOf(buffer, ffi.getRawPointer(buffer));
    };
    return { functions, allocate };
  } catch {
    return undefined; // no such module or function, or not allowed
  }
}

const memoryOf = (buffer: ArrayBuffer, address: bigint): CMemory => ({
  words: new Uint32Array(buffer),
  longs: new BigUint64Array(buffer),
  address,
});
