// Loaded first into a signer's process by full-disk.test.ts: a file that may not grow any more is then an error of the
// write (EFBIG) instead of a signal that kills, as a full disk is.
process.on("SIGXFSZ", () => undefined);
