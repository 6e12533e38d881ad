// A role is one socket, one list of methods and one way to answer them.
import type { z } from "zod";
import { X402Error } from "../../protocol/errors.ts";
import type { RpcRequest } from "../../protocol/rpc.ts";

/**
 * Who is at the other end of a connection, as the kernel says (SO_PEERCRED): who called connect(), which is not who
 * reads and writes now if the descriptor was handed on.
 */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** `peer` is absent where the kernel cannot be asked: then the socket's file mode is all that says who may call. */
export interface Caller {
  readonly peer?: Peer;
  /** From now on the connection stays open while it is silent, until it ends: then `ended` is called. */
  readonly subscribe: (ended: () => void) => void;
  /** Sends a notification. One that leaves too much of them unread loses its connection. */
  readonly notify: (method: string, params: object) => void;
}

/** What a row says of who asked. */
export const byCaller = ({ peer }: Pick<Caller, "peer">): { peer?: Peer } => (peer ? { peer } : {});

export interface Role {
  readonly schemas: Readonly<Record<string, { readonly params: z.ZodType }>>;
  /** One per schema; each gets parameters that its schema has passed. */
  readonly handlers: Readonly<Record<string, (params: never, caller: Caller) => unknown>>;
  /** Asked of every connection and again of every request, because the answer may change meanwhile. */
  readonly admits?: (peer: Peer | undefined) => boolean;
}

/**
 * Validates the parameters and answers, perhaps with a promise. Throws CALLER_NOT_ALLOWED, METHOD_NOT_FOUND,
 * INVALID_REQUEST and what the method throws.
 */
export function dispatch(role: Role, { method, params }: RpcRequest, caller: Caller): unknown {
  if (role.admits?.(caller.peer) === false) throw new X402Error("CALLER_NOT_ALLOWED");
  const schema = Object.hasOwn(role.schemas, method) ? role.schemas[method] : undefined;
  const handler = role.handlers[method] as ((params: unknown, caller: Caller) => unknown) | undefined;
  if (!schema || !handler) throw new X402Error("METHOD_NOT_FOUND");
  const parsed = schema.params.safeParse(params);
  if (!parsed.success) throw new X402Error("INVALID_REQUEST", describe(parsed.error));
  return handler(parsed.data, caller);
}

/** Names the field, never the value: a value is the caller's text. */
function describe(error: z.ZodError): string {
  const path =
    error.issues[0]?.path.filter((part) => /^[A-Za-z0-9_.-]{1,40}$/.test(String(part))).join(".") ?? "";
  return path === "" ? "the parameters do not fit the method" : `params.${path}`;
}
