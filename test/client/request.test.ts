// A paying fetch is a fetch. Where it does the work itself, the platform's own fetch is the oracle.

import { openAsBlob } from "node:fs";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { createPaymentFetch, paymentOf } from "../../client/fetch.ts";
import { type Asked, startHostileShop } from "../counterparts/hostile-shop.ts";

// Nothing here is asked to pay, so nobody needs to listen.
const payingFetch = createPaymentFetch({ signer: { transport: "ipc", endpoint: "/nowhere/agent.sock" } });
const open: { close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function shop(...script: Parameters<typeof startHostileShop>) {
  const started = await startHostileShop(...script);
  open.push(started);
  return started;
}

const seen = ({ method, path, headers, body }: Asked) => ({
  request: `${method} ${path}`,
  authorization: headers.authorization,
  cookie: headers.cookie,
  type: headers["content-type"],
  custom: headers["x-custom"],
  body: body.toString(),
});

describe("a call that costs nothing", () => {
  it("is answered as it is, and nothing was paid for it", async () => {
    const { url } = await shop(() => ({ status: 200, headers: { "x-answer": "42" }, body: "hello" }));
    const response = await payingFetch(`${url}/free?q=1#part`);
    expect([response.status, response.url, response.headers.get("x-answer")]).toEqual([
      200,
      `${url}/free?q=1`,
      "42",
    ]);
    expect(await response.text()).toBe("hello");
    expect(paymentOf(response)).toBeUndefined();
  });

  it.each(["", "please pay by card", '{"error":"payment required"}', "<html>".repeat(20_000)])(
    "is answered with a 402 that is not x402 (%#), all of it",
    async (body) => {
      const { url } = await shop(() => ({ status: 402, body }));
      const response = await payingFetch(url);
      expect([response.status, await response.text()]).toEqual([402, body]);
    },
  );

  it("may be a Request, whose body is used up as with fetch", async () => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    const request = new Request(url, { method: "POST", body: "once", headers: { "x-custom": "1" } });
    await payingFetch(request, { headers: { "x-custom": "2" } });
    expect(asked.map(seen)).toMatchObject([{ request: "POST /", body: "once", custom: "2" }]);
    await expect(payingFetch(request)).rejects.toThrow(TypeError);
  });

  it.each(["not a url", "http://user:secret@127.0.0.1/", "ftp://127.0.0.1/"])(
    "rejects %s as fetch does",
    async (url) => {
      await expect(payingFetch(url)).rejects.toThrow(TypeError);
    },
  );
});

describe("redirects, as the platform's fetch follows them", () => {
  const cases = [301, 302, 303, 307, 308].flatMap((status) =>
    ["GET", "POST", "PUT"].map((method) => ({ status, method })),
  );

  it.each(cases)("$status on $method, within and across origins", async ({ status, method }) => {
    const far = await shop(() => ({ status: 200, body: "far" }));
    const near = await shop(({ path }) => {
      if (path === "/near") return { status: 200, body: "near" };
      return { status, headers: { location: path === "/away" ? `${far.url}/x` : "/near" } };
    });
    const init = () => ({
      method,
      headers: {
        authorization: "Bearer secret",
        cookie: "a=b",
        "content-type": "text/x",
        "x-custom": "kept",
      },
      ...(method !== "GET" && { body: "payload" }),
    });
    for (const path of ["/away", "/home"]) {
      const theirs = await fetch(near.url + path, init());
      const expected = [...near.asked.splice(0), ...far.asked.splice(0)].map(seen);
      const ours = await payingFetch(near.url + path, init());
      expect([...near.asked.splice(0), ...far.asked.splice(0)].map(seen)).toEqual(expected);
      expect([ours.url, ours.redirected, await ours.text()]).toEqual([theirs.url, true, await theirs.text()]);
    }
  });

  it("takes a payment that the caller brought to no other origin", async () => {
    const far = await shop(() => ({ status: 200 }));
    const near = await shop(({ path }) =>
      path === "/"
        ? { status: 302, headers: { location: "/near" } }
        : { status: 302, headers: { location: far.url } },
    );
    for (const name of ["x-payment", "payment-signature"]) {
      expect((await payingFetch(near.url, { headers: { [name]: "bearer money" } })).status).toBe(200);
      expect(near.asked.splice(0).map(({ headers }) => headers[name])).toEqual([
        "bearer money",
        "bearer money",
      ]);
      expect(far.asked.splice(0).map(({ headers }) => headers[name])).toEqual([undefined]);
    }
  });

  it.each(["", "http://[", "javascript:alert(1)", "file:///etc/passwd"])(
    "with location %j",
    async (location) => {
      const { url } = await shop(({ path }) =>
        path === "/" ? { status: 302, headers: { location } } : { status: 204 },
      );
      const settle = (call: Promise<Response>) =>
        call.then(
          (r) => r.status,
          (error: unknown) => (error as Error).name,
        );
      // An empty location names the same URL again, and both end in an error.
      expect(await settle(payingFetch(url))).toBe(await settle(fetch(url)));
    },
  );

  it("gives the redirect back, or an error, when that was asked for", async () => {
    const { url } = await shop(() => ({ status: 302, headers: { location: "/" } }));
    expect((await payingFetch(url, { redirect: "manual" })).status).toBe(302);
    await expect(payingFetch(url, { redirect: "error" })).rejects.toThrow(TypeError);
  });
});

describe("bodies", () => {
  const text = "a".repeat(1024 * 1024);

  it.each([
    ["a stream", () => new Blob([text]).stream()],
    ["an async iterable", () => Readable.from([Buffer.from(text)])],
    ["a Request's", (url: string) => new Request(url, { method: "POST", body: text })],
  ])("%s of 1 MiB is sent, of one byte more is refused before it is sent", async (_, make) => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    const send = (body: ReturnType<typeof make>) =>
      body instanceof Request
        ? payingFetch(body)
        : payingFetch(url, { method: "POST", body, duplex: "half" });
    await send(make(url));
    expect(asked[0]!.body.length).toBe(1024 * 1024);
    const longer = (body: ReturnType<typeof make>) =>
      body instanceof Request
        ? new Request(url, { method: "POST", body: `${text}b` })
        : new Blob([text, "b"]).stream();
    await expect(send(longer(make(url)))).rejects.toMatchObject({ code: "BODY_NOT_REPLAYABLE" });
    expect(asked).toHaveLength(1);
  });

  it("a string, a file or a form may be longer", async () => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    const form = new FormData();
    form.set("file", new Blob([text, text]));
    const anvil = await openAsBlob(process.execPath);
    for (const body of [text + text, Buffer.from(text + text), form, anvil.slice(0, 3_000_000)]) {
      await payingFetch(url, { method: "POST", body });
    }
    expect(asked.every((one) => one.body.length >= 2 * text.length)).toBe(true);
    expect(asked[2]!.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
  });

  it("an endless stream is read no further than needed", async () => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    const call = payingFetch(url, { method: "POST", body, duplex: "half" });
    await expect(call).rejects.toMatchObject({ code: "BODY_NOT_REPLAYABLE" });
    expect(pulled).toBeLessThan(20);
    expect(asked).toEqual([]);
  });
});

describe("an abort signal", () => {
  const reason = new Error("changed my mind");

  it("that was given before, stops the call", async () => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    await expect(payingFetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(payingFetch(new Request(url, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(asked).toEqual([]);
  });

  it("stops the reading of a request's body that never ends", async () => {
    const { url, asked } = await shop(() => ({ status: 200 }));
    const control = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      pull: () => {
        control.abort(reason);
        return new Promise(() => undefined);
      },
    });
    const call = payingFetch(url, { method: "POST", body, duplex: "half", signal: control.signal });
    await expect(call).rejects.toBe(reason);
    expect(asked).toEqual([]);
  });

  it("stops a request in flight", async () => {
    const control = new AbortController();
    const { url } = await shop(() => () => {
      control.abort(reason);
    });
    await expect(payingFetch(url, { signal: control.signal })).rejects.toBe(reason);
  });

  it("stops a 402 whose body never ends", async () => {
    const control = new AbortController();
    const { url } = await shop(() => (response) => {
      response.writeHead(402).write("{", () =>
        setImmediate(() => {
          control.abort(reason);
        }),
      );
    });
    await expect(payingFetch(url, { signal: control.signal })).rejects.toBe(reason);
  });
});
