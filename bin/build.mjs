// Builds dist/ from the .ts sources: JavaScript with types, the signer bundled, the commands made executable.
// Plain JavaScript, because npm may run it on a Node that does not strip types.
import { rolldown } from "rolldown";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

// The signer is one file: it starts sooner, takes less memory (unused parts of its libraries are left out), and what
// runs beside the keys is this package's own read-only code. Only libsecp256k1 stays outside, for its .wasm file.
const bundle = await rolldown({
  input: "dist/signer/main.js",
  platform: "node",
  external: [/^node:/, "tiny-secp256k1"],
});
await bundle.write({ file: "dist/signer/main.js", format: "esm" });
await bundle.close();

// npm links a package's commands for those who install it, not for its own checkout; npx finds them by these links.
const { bin } = JSON.parse(readFileSync("package.json", "utf8"));
for (const [name, file] of Object.entries(bin)) {
  const link = join("node_modules", ".bin", name);
  chmodSync(file, 0o755);
  // By a rename: somebody may be looking for the command just now.
  rmSync(`${link}.new`, { force: true });
  symlinkSync(join("..", "..", file), `${link}.new`);
  renameSync(`${link}.new`, link);
}
