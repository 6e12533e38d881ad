// The agent's side of the signer's socket: one connection and, with a policy, one session, for as long as it is used.
import { X402Error } from "../protocol/errors.ts";
import { type PaymentIntent, toWire } from "../protocol/intent.ts";
import type { Caip2 } from "../protocol/networks.ts";
import type { ApprovalState, Quote, SignResult } from "../protocol/shapes.ts";
import { agentSocket } from "./paths.ts";
import { Receipts } from "./receipts.ts";
import { type SessionPolicy, sessionRules } from "./session-policy.ts";
import { type SignerConnection, agentCall, connectSigner } from "./signer.ts";

export interface PayerOptions {
  /** Where the signer listens; X402_SIGNER_SOCK or the default place when there is no `endpoint`. */
  signer?: { transport: "ipc"; endpoint?: string };
  /** Narrows the operator's policy for this payer's session. It can never widen it. */
  policy?: SessionPolicy;
}

type JsonObject = Record<string, unknown>;

export class Payer {
  readonly #endpoint: string;
  readonly #policy: Record<string, unknown> | undefined;
  readonly #receipts = new Receipts();
  #connection: Promise<SignerConnection> | undefined;
  #session: Promise<string> | undefined;

  constructor(options: PayerOptions = {}) {
    const { signer, policy } = options;
    if (signer && signer.transport !== ("ipc" as string))
      throw new X402Error("USAGE", "transport must be ipc");
    this.#endpoint = signer?.endpoint ?? agentSocket();
    this.#policy = policy && sessionRules(policy);
  }

  /** The accounts that pay, by rail. */
  async addresses(): Promise<{ rail: string; address: string }[]> {
    return (await this.#repeatable((connection) => agentCall(connection, "wallet.addresses", {}))).accounts;
  }

  /** What would become of each, without recording anything. At most eight; `contexts` by network. */
  async quote(intents: readonly PaymentIntent[], contexts: Record<Caip2, object> = {}): Promise<Quote[]> {
    const brought = Object.keys(contexts).length > 0 && { contexts: contexts as Record<Caip2, JsonObject> };
    const params = { intents: intents.map(toWire), ...(await this.#inSession()), ...brought };
    return this.#repeatable((connection) => agentCall(connection, "payment.quote", params));
  }

  /** Decides, records and signs. The same intent gives the same authorization, however often it is asked. */
  async sign(intent: PaymentIntent, context?: object): Promise<SignResult> {
    const brought = context && { context: context as JsonObject };
    const params = { intent: toWire(intent), ...(await this.#inSession()), ...brought };
    return this.#repeatable(async (connection) => {
      const result = await agentCall(connection, "payment.sign", params);
      void this.#receipts.after(connection, intent.id, result);
      return result;
    });
  }

  /** What became of a payment that was held; answers when that changes, or after `waitMs` (at most a minute). */
  async approval(id: string, waitMs: number): Promise<ApprovalState> {
    return this.#repeatable((connection) => agentCall(connection, "approval.get", { id, waitMs }));
  }

  /** Opened once. When the signer no longer knows it, calls fail: a new one would start with new budgets. */
  async #inSession(): Promise<{ session?: string }> {
    if (this.#policy === undefined) return {};
    const session = (this.#session ??= this.#open(this.#policy));
    try {
      return { session: await session };
    } catch (error) {
      if (this.#session === session) this.#session = undefined; // It was never open.
      throw error;
    }
  }

  async #open(policy: Record<string, unknown>): Promise<string> {
    const connection = await this.#connect();
    return (await agentCall(connection, "session.open", { policy })).session;
  }

  /** A reply that was lost with its connection is asked for once more: both calls made here may be repeated. */
  async #repeatable<T>(call: (connection: SignerConnection) => Promise<T>): Promise<T> {
    try {
      return await call(await this.#connect());
    } catch (error) {
      if (!(error instanceof X402Error) || error.code !== "SIGNER_UNREACHABLE") throw error;
      return call(await this.#connect());
    }
  }

  async #newConnection(): Promise<SignerConnection> {
    const connection = await connectSigner(this.#endpoint);
    void this.#receipts.present(connection);
    return connection;
  }

  async #connect(): Promise<SignerConnection> {
    const known = this.#connection;
    if (
      known !== undefined &&
      (await known.then(
        (connection) => connection.open,
        () => false,
      ))
    )
      return known;
    // Of several callers that find it closed, the first one replaces it.
    if (this.#connection === known) this.#connection = this.#newConnection();
    return this.#connection as Promise<SignerConnection>;
  }
}
