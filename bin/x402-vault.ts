#!/usr/bin/env node
import "./node-version.ts";

await import("../cli/vault/main.ts");
