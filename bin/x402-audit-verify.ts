#!/usr/bin/env node
import { VERSION } from "../protocol/version.ts";
import { run } from "../verify/main.ts";

process.exitCode = run(process.argv.slice(2), VERSION);
