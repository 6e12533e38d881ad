// Builds dist/ from the .ts sources: JavaScript with types, and the commands made executable.
// Plain JavaScript, because npm may run it on a Node that does not strip types.
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
const { bin } = JSON.parse(readFileSync("package.json", "utf8"));
for (const file of Object.values(bin)) chmodSync(file, 0o755);
