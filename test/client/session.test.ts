// The policy that a client brings for its own session.

import { describe, expect, it } from "vitest";
import { createPaymentFetch } from "../../client/fetch.ts";
import { X402Error } from "../../protocol/errors.ts";
import { type Call, type Reply, signed } from "./scripted-signer.ts";
import { stage } from "./stage.ts";
import { item } from "./terms.ts";

describe("a policy of the client's", () => {
  const limits = {
    allowedAssets: ["USDC"],
    allowedRecipients: [item.payTo],
    perCallMax: "0.10",
    perSessionMax: "5.00",
    perDayMax: "25.00",
  };
  const policy = { allowedChains: ["base", "eip155:137"], ...limits };
  const session = "s_0123456789";
  const inSession =
    (answer: Reply) =>
    ({ method }: Call) =>
      method === "session.open" ? { session, endsAt: "2030-01-01T00:00:00Z" } : answer;

  it("opens one session, at the first payment, and uses it for all", async () => {
    const { url, calls, pay } = await stage({ signer: inSession(signed), options: { policy } });
    await pay(url, { headers: { "x-payment": "mine" } });
    expect(calls).toEqual([]);
    await Promise.all([pay(url), pay(url), pay(url)]);
    await pay(url);
    const rules = { ...limits, allowedNetworks: ["eip155:8453", "eip155:137"] };
    expect(calls.filter(({ method }) => method === "session.open")).toEqual([
      { method: "session.open", params: { policy: rules } },
    ]);
    const signs = calls.filter(({ method }) => method === "payment.sign");
    expect(signs.map(({ params }) => params.session)).toEqual(Array(4).fill(session));
  });

  it("never opens another one when the signer no longer knows it", async () => {
    const { url, calls, pay } = await stage({
      signer: inSession(new X402Error("SESSION_UNKNOWN")),
      options: { policy },
    });
    for (let i = 0; i < 3; i++) await expect(pay(url)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
    expect(calls.map(({ method }) => method)).toEqual([
      "session.open",
      ...Array<string>(3).fill("payment.sign"),
    ]);
  });

  it("that could not be opened is tried again with the next call", async () => {
    const answers: Reply[] = [
      new X402Error("SIGNER_LOCKED"),
      { session, endsAt: "2030-01-01T00:00:00Z" },
      signed,
    ];
    const { url, pay } = await stage({ signer: () => answers.shift()!, options: { policy } });
    await expect(pay(url)).rejects.toMatchObject({ code: "SIGNER_LOCKED" });
    expect((await pay(url)).status).toBe(200);
  });

  it("is refused at once when it names networks nobody knows, or names them twice", () => {
    for (const wrong of [
      { allowedChains: ["bass"] },
      { allowedChains: ["base"], allowedNetworks: ["eip155:8453"] },
    ]) {
      expect(() => createPaymentFetch({ policy: wrong })).toThrow(
        expect.objectContaining({ code: "POLICY_INVALID" }),
      );
    }
    expect(() => createPaymentFetch({ signer: { transport: "http" as "ipc" } })).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });
});
