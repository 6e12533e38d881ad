#!/usr/bin/env node
import "./node-version.ts";

if (process.argv[2] === "restore") {
  // Nothing of the signer that runs, and of it nothing here.
  await import("../signer/restore-main.ts");
} else {
  // Before the signer's own modules are loaded: this process will not need them.
  const { restartHardened } = await import("../signer/restart.ts");
  try {
    restartHardened();
  } catch {
    // The signer meets the same error, and says it.
  }
  await import("../signer/main.ts");
}
