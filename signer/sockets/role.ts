// A role is one socket, one list of methods and one way to answer them.
import type { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { RpcRequest } from "../../protocol/rpc.ts";

export interface Role {
  readonly schemas: Readonly<Record<string, { readonly params: z.ZodType }>>;
  /** One per schema; each gets parameters that its schema has passed. */
  readonly handlers: Readonly<Record<string, (params: never) => unknown>>;
}

/** Validates the parameters and answers, perhaps with a promise. Throws METHOD_NOT_FOUND, INVALID_REQUEST and what the method throws. */
export function dispatch(role: Role, { method, params }: RpcRequest): unknown {
  const schema = Object.hasOwn(role.schemas, method) ? role.schemas[method] : undefined;
  const handler = role.handlers[method] as ((params: unknown) => unknown) | undefined;
  if (!schema || !handler) throw new X402Error("METHOD_NOT_FOUND");
  const parsed = schema.params.safeParse(params);
  if (!parsed.success) throw new X402Error("INVALID_REQUEST", describe(parsed.error));
  return handler(parsed.data);
}

/** Names the field, never the value: a value is the caller's text. */
function describe(error: z.ZodError): string {
  const path =
    error.issues[0]?.path.filter((part) => /^[A-Za-z0-9_.-]{1,40}$/.test(String(part))).join(".") ?? "";
  return path === "" ? "the parameters do not fit the method" : `params.${path}`;
}
