// x402-policy schema: the JSON Schema of a document, for an editor's completion.
import type { Command } from "commander";
import { documentJsonSchema } from "../../policy/json-schema.ts";
import { print } from "../terminal.ts";

export const addSchema = (policy: Command): Command =>
  policy
    .command("schema")
    .description("print the JSON Schema of a document, for editors")
    .action(() => {
      print(JSON.stringify(documentJsonSchema(), undefined, 2));
    });
