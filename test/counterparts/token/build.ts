// `npm run build:token`: writes TestUSDC.json anew. The counterparts' test fails when the two differ.

import { writeFileSync } from "node:fs";
import { compileToken } from "./compile.ts";

const file = new URL("TestUSDC.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(compileToken(), null, 2)}\n`);
console.log(`wrote ${file.pathname}`);
