// Builds dist/ from the .ts sources: JavaScript with types, the signer bundled, the commands made executable.
// Plain JavaScript, because npm may run it on a Node that does not strip types.
import { rolldown } from "rolldown";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

// The signer is one file: it starts sooner, takes less memory (unused parts of its libraries are left out), and what
// runs beside the keys is this package's own read-only code. Outside stay libsecp256k1, for its .wasm file, and libsodium,
// which only those need who pay on Solana or Cardano.
await bundleInPlace("dist/signer/main.js", ["tiny-secp256k1", "libsodium-sumo"]);
// The verifier is one file, too: an auditor takes it elsewhere, reads it and runs it with nothing but Node.
await bundleInPlace("dist/bin/x402-audit-verify.js");

async function bundleInPlace(file, external = []) {
  const bundle = await rolldown({ input: file, platform: "node", external: [/^node:/, ...external] });
  await bundle.write({ file, format: "esm" });
  await bundle.close();
}

const { bin } = JSON.parse(readFileSync("package.json", "utf8"));
for (const file of Object.values(bin)) chmodSync(file, 0o755);
