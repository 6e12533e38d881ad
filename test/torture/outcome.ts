/** The code of an error from a signer or from its start; rethrows what has none. */
export function errorCode(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code;
  throw error;
}
