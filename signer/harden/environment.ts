// The variables that reach the hardened process.

/**
 * An allow-list, because those that load code into a process are too many to name: NODE_OPTIONS, NODE_COMPILE_CACHE and
 * others of Node, LD_* of the loader (ld.so(8)), OPENSSL_CONF and its modules, those of ICU and of iconv.
 */
const PASSED =
  /^(HOME|PATH|LANG|LC_[A-Z]+|TZ|X402_HOME|XDG_RUNTIME_DIR|LISTEN_(PID|FDS|FDNAMES)|CREDENTIALS_DIRECTORY)$/;

/**
 * One arena instead of one a core, and what is free at its end goes back to the system: mallopt(3). Memory is overwritten
 * when it is given back, small pieces too (glibc's tunables): Node's decryption leaves a copy of what it decrypts in what
 * it frees, out of our reach, and after a lock it must not be there.
 */
const OURS = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "131072",
  GLIBC_TUNABLES: "glibc.malloc.perturb=85:glibc.malloc.tcache_count=0",
};

type Environment = Readonly<NodeJS.ProcessEnv>;

export const cleanEnvironment = (env: Environment): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name))),
  ...OURS,
});

/** Nothing is in it that cleanEnvironment would take out. */
export const isClean = (env: Environment): boolean =>
  Object.keys(env).every((name) => PASSED.test(name) || name in OURS);
