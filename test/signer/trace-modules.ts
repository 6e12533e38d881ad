// Loaded first into a signer's process by modules.test.ts: says at the end which modules were ever resolved.
import { registerHooks } from "node:module";

const modules = new Set<string>();
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    modules.add(resolved.url);
    return resolved;
  },
});

process.on("exit", () => {
  process.stdout.write(`modules: ${JSON.stringify([...modules])}\n`);
});
