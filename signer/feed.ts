// What observers are told as it happens: decisions and changes of state, without anything that leads to a payment.
import { X402Error } from "../protocol/errors.ts";
import type { SignerEvent } from "../protocol/observed.ts";
import type { Caller } from "./sockets/role.ts";

export const MAX_SUBSCRIBERS = 64;

export class Feed {
  readonly #subscribers = new Set<Caller>();

  /** Until the connection ends. One that does not read is closed by its connection's bound. */
  subscribe(caller: Caller): void {
    if (this.#subscribers.size >= MAX_SUBSCRIBERS) throw new X402Error("BUSY", "too many subscribers");
    caller.subscribe(() => {
      this.#subscribers.delete(caller);
    });
    this.#subscribers.add(caller);
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  tell(event: SignerEvent): void {
    for (const { notify } of this.#subscribers) notify("event", event);
  }
}
