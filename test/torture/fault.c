// A disk that misbehaves on demand: loaded first into a process (LD_PRELOAD), it counts the system calls that change
// chosen files and, at one of them, kills the process, fails, tears the write or flips a bit in it.
//
// X402_FAULT names the control file, which fault.ts makes: the plan and the count are in shared memory, so that the
// driver can arm it while the process runs, the count goes on when the process replaces itself (execve), and what was
// reached can be read after a kill. The layout is written once here and once in fault.ts.
//
// Calls go to the kernel by number: nothing is looked up, and nothing in here can call itself.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum op { WRITE = 1, SYNC = 2, TRUNCATE = 4, OPEN = 8, RENAME = 16, UNLINK = 32 };
enum action { PASS, KILL_BEFORE, KILL_AFTER, FAIL, LOSE_TAIL, TEAR_AND_KILL, FLIP, SHORT };
enum { FILES = 4096, NAME = 24, CALLS = 16384 };

struct call {
  uint32_t op;
  uint32_t bytes;
  char name[NAME];
};

struct control {
  uint32_t ops;    // which calls count
  uint32_t action; // what happens at call number `at`
  uint32_t error;  // errno of what fails
  uint32_t after;  // 1: everything after it fails, too
  uint64_t at;     // 0: nothing happens, calls are only counted
  uint64_t count;
  uint64_t fired; // the call at which it happened; 0: not yet
  uint64_t place; // of the flipped bit, or of the tear
  char match[208];
  struct call calls[CALLS];
};

static struct control *control;
// Names of the open files that count, by descriptor; "" for the others.
static char names[FILES][NAME];

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("X402_FAULT");
  if (!path) return;
  long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) _exit(97);
  void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
  if (at == MAP_FAILED) _exit(98);
  control = at;
  syscall(SYS_close, fd);
}

static int matches(const char *path) { return control && path && strstr(path, control->match) != NULL; }

// A descriptor that was closed by another way than close() may be a socket by now.
static const char *name_of(int fd) {
  struct stat now;
  if (!control || fd < 0 || fd >= FILES || !*names[fd]) return "";
  return fstat(fd, &now) == 0 && S_ISSOCK(now.st_mode) ? "" : names[fd];
}

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); }

// Counts the call and says what is to be done with it.
static enum action next(enum op op, const char *path, size_t bytes) {
  if (!(control->ops & op)) return PASS;
  uint64_t number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  struct call *call = &control->calls[(number - 1) % CALLS];
  const char *slash = strrchr(path, '/');
  call->op = op;
  call->bytes = (uint32_t)bytes;
  strncpy(call->name, slash ? slash + 1 : path, NAME - 1);
  if (number == control->at) {
    control->fired = number;
    if (control->action == KILL_BEFORE) die();
    return control->action;
  }
  return control->fired && control->after && number > control->fired ? FAIL : PASS;
}

static long failed(void) {
  errno = (int)control->error;
  return -1;
}

// Everything that is not a write: done, refused, or done and then the end.
#define CALL(op, path, call)                            \
  do {                                                  \
    enum action todo = next(op, path, 0);               \
    if (todo == FAIL) return failed();                  \
    long result = (call);                               \
    if (todo == KILL_AFTER || todo == TEAR_AND_KILL) die(); \
    return result;                                      \
  } while (0)

static long raw_write(int fd, const char *bytes, size_t length, off_t offset) {
  return offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

static long flipped(int fd, const char *bytes, size_t length, off_t offset) {
  char *copy = malloc(length);
  if (!copy) die();
  memcpy(copy, bytes, length);
  uint64_t bit = control->place % (length * 8);
  copy[bit / 8] ^= (char)(1 << (bit % 8));
  long result = raw_write(fd, copy, length, offset);
  free(copy);
  return result;
}

// `offset` is -1 for the file's own position.
static long counted_write(int fd, const char *bytes, size_t length, off_t offset) {
  const char *name = name_of(fd);
  enum action todo = *name && length > 0 ? next(WRITE, name, length) : PASS;
  size_t part = todo == PASS ? length : control->place % (length ? length : 1);
  switch (todo) {
  case FAIL:
    return failed();
  case FLIP:
    return flipped(fd, bytes, length, offset);
  case SHORT: // at least a byte, or it would be no progress
    return raw_write(fd, bytes, part ? part : 1, offset);
  case LOSE_TAIL:
  case TEAR_AND_KILL:
    raw_write(fd, bytes, part, offset);
    if (todo == TEAR_AND_KILL) die();
    return (long)length;
  default:
    break;
  }
  long result = raw_write(fd, bytes, length, offset);
  if (todo == KILL_AFTER) die();
  return result;
}

static long counted_vector(int fd, const struct iovec *parts, int count, off_t offset) {
  if (!*name_of(fd)) {
    if (offset < 0) return syscall(SYS_writev, fd, parts, count);
    return syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
  }
  size_t length = 0, at = 0;
  for (int i = 0; i < count; i++) length += parts[i].iov_len;
  char *whole = malloc(length + 1);
  if (!whole) die();
  for (int i = 0; i < count; at += parts[i++].iov_len) memcpy(whole + at, parts[i].iov_base, parts[i].iov_len);
  long result = counted_write(fd, whole, length, offset);
  free(whole);
  return result;
}

static long raw_open(int folder, const char *path, int flags, mode_t mode) {
  long fd = syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= 0 && fd < FILES && control) {
    const char *slash = strrchr(path, '/');
    names[fd][0] = 0;
    if (matches(path)) strncpy(names[fd], slash ? slash + 1 : path, NAME - 1);
  }
  return fd;
}

// Only an open that may change something counts.
static long counted_open(int folder, const char *path, int flags, mode_t mode) {
  int changes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
  if (!changes || !matches(path)) return raw_open(folder, path, flags, mode);
  CALL(OPEN, path, raw_open(folder, path, flags, mode));
}

#define MODE(flags)                                                   \
  mode_t mode = 0;                                                    \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                              \
    va_list list;                                                     \
    va_start(list, flags);                                            \
    mode = va_arg(list, mode_t);                                      \
    va_end(list);                                                     \
  }

int open(const char *path, int flags, ...) {
  MODE(flags)
  return (int)counted_open(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags)
  return (int)counted_open(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  MODE(flags)
  return (int)counted_open(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags)
  return (int)counted_open(folder, path, flags, mode);
}

int close(int fd) {
  if (control && fd >= 0 && fd < FILES) names[fd][0] = 0;
  return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t length) { return counted_write(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return counted_write(fd, bytes, length, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return counted_write(fd, bytes, length, offset);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return counted_vector(fd, parts, count, -1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return counted_vector(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return counted_vector(fd, parts, count, offset);
}

static long counted_sync(int fd, long number) {
  if (!*name_of(fd)) return syscall(number, fd);
  CALL(SYNC, name_of(fd), syscall(number, fd));
}
int fsync(int fd) { return (int)counted_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return (int)counted_sync(fd, SYS_fdatasync); }

static long counted_truncate(int fd, off_t length) {
  if (!*name_of(fd)) return syscall(SYS_ftruncate, fd, length);
  CALL(TRUNCATE, name_of(fd), syscall(SYS_ftruncate, fd, length));
}
int ftruncate(int fd, off_t length) { return (int)counted_truncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return (int)counted_truncate(fd, length); }

static long counted_rename(const char *from, const char *to) {
  if (!matches(from) && !matches(to)) return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  CALL(RENAME, to, syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int rename(const char *from, const char *to) { return (int)counted_rename(from, to); }

static long counted_unlink(int folder, const char *path, int flags) {
  if (!matches(path)) return syscall(SYS_unlinkat, folder, path, flags);
  CALL(UNLINK, path, syscall(SYS_unlinkat, folder, path, flags));
}
int unlink(const char *path) { return (int)counted_unlink(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return (int)counted_unlink(folder, path, flags); }
