// x402-policy approvals against a signer, and what sellers and agents may write into it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPaymentFetch } from "../../client/fetch.ts";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { PAYEE, document, idOf, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";
import { environment } from "./vault-command.ts";

let home: SignerHome;
let signer: Signer;
const run = (...args: string[]) => policy(home.folder, ["approvals", ...args]);
const DEAR = { amount: "2000000" };
const EVIL = { claims: { url: "https://api.example.com/\u202etxt.exe", category: "\u001b[2Jdata" } };

beforeAll(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.apply(document({ perDayMax: "25.00", approve: { above: "1.00", newRecipient: true } }));
  await signer.unlock();
});
afterAll(async () => {
  await signer.close();
  home.remove();
});

async function held(name: string, changed: object = DEAR): Promise<string> {
  const result = await signer.sign(intent(name, changed));
  return result.outcome === "held" ? result.approval : "";
}

it("says that nothing waits, and then who asks whom for how much, why, and what a yes does", async () => {
  expect(await run()).toMatchObject({ status: 0, stdout: "", stderr: "Nothing waits.\n" });
  const approval = await held("one");
  const { stdout } = await run("list");
  expect(stdout).toMatch(
    new RegExp(`^${approval}\n  agent +default.*\n  pays +2\\.00 USD: 2000000 units of USDC`),
  );
  expect(stdout).toContain(`  to              ${PAYEE}\n`);
  expect(stdout).toMatch(/^ {2}says it is for +https:\/\/api\.example\.com\/data \(claimed\)$/m);
  expect(stdout).toMatch(
    /^ {2}waits because +this payee was never paid before \(household, approve\.newRecipient\)$/m,
  );
  expect(stdout).toMatch(/^ {2}and +a payment of this amount needs .*approve\.above\)$/m);
  expect(stdout).toMatch(/perDayMax 0\.00 -> 2\.00 of 25\.00 USD \(household\)$/m);
  const [json] = (await run("list", "--json")).stdout.trim().split("\n");
  expect(JSON.parse(json!)).toMatchObject({ approval, agent: "default", usd: "2.00", id: idOf("one") });
});

it("approves once, denies, and says no twice", async () => {
  const approval = await held("one");
  const yes = await run("approve", approval, "--remember", "2.50");
  expect(yes).toMatchObject({ status: 0 });
  expect(yes.stdout).toMatch(
    /^Approved, once\. .*until 20\d\d-.*\.\nIts payee is known now for payments of up to 2\.50 USD\.\n$/,
  );
  expect(await outcomeOf(signer.sign(intent("one", DEAR)))).toBe("signed");
  expect(await run("approve", approval)).toMatchObject({ status: 2 });
  expect(await outcomeOf(signer.sign(intent("known", {})))).toBe("signed");
  const other = await held("two");
  expect(await run("deny", other)).toMatchObject({
    status: 0,
    stdout: "Denied. Its budget is free again.\n",
  });
  expect(await run("deny", other)).toMatchObject({ status: 2 });
  expect(await outcomeOf(signer.sign(intent("two", DEAR)))).toBe("APPROVAL_DENIED");
});

it("says which rule stands against an approval", async () => {
  const approval = await held("blocked");
  await signer.apply(document({ approve: { above: "1.00" }, blockedRecipients: [PAYEE] }));
  const { status, stderr } = await run("approve", approval);
  expect([status, stderr]).toEqual([1, expect.stringContaining("this payee is in blockedRecipients")]);
  await signer.apply(document({ approve: { above: "1.00" } }));
  await run("deny", approval);
});

it.each([
  ["approve"],
  ["approve", "17"],
  ["approve", "a0"],
  ["deny", "a1 "],
  ["approve", "a1", "--remember", "x"],
  ["nonsense"],
])("%j is wrong use", async (...args) => {
  expect((await run(...args)).status).toBe(2);
});

it("escapes what others wrote", async () => {
  const approval = await held("evil", { ...DEAR, ...EVIL });
  const { stdout } = await run();
  expect(stdout).not.toMatch(/[\u202e\u001b]/);
  expect(stdout).toContain("\\u{1b}[2Jdata");
  await run("deny", approval);
});

it("watches: what waits is shown as it comes, and a paying fetch goes on when it was approved", async () => {
  const watching = spawn(process.execPath, ["bin/x402-policy.ts", "approvals", "watch", "--json"], {
    env: environment(home.folder),
    cwd: new URL("../..", import.meta.url),
  });
  const lines: string[] = [];
  watching.stdout.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")));
  const accepts = [{ ...terms, amount: "3000000" }];
  const shop = (_: string, init: RequestInit): Promise<Response> =>
    Promise.resolve(
      new Headers(init.headers).has("PAYMENT-SIGNATURE")
        ? new Response("paid")
        : Response.json(
            { x402Version: 2, resource: { url: "https://api.example.com/data" }, accepts },
            asks(accepts),
          ),
    );
  const pay = createPaymentFetch({ signer: { transport: "ipc", endpoint: signer.socketOf() }, fetch: shop });
  const paid = pay("https://api.example.com/data", { payment: { waitMs: 20_000 } });
  while (lines.length === 0) await once(watching.stdout, "data");
  const { approval } = JSON.parse(lines[0]!) as { approval: string };
  await run("approve", approval);
  expect(await (await paid).text()).toBe("paid");
  watching.kill();
  await once(watching, "close");
});

const terms = {
  ...{
    scheme: "exact",
    network: "eip155:84532",
    asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payTo: PAYEE,
  },
  ...{ maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" } },
};
const asks = (accepts: readonly object[]): ResponseInit => ({
  status: 402,
  headers: {
    "PAYMENT-REQUIRED": Buffer.from(
      JSON.stringify({ x402Version: 2, resource: { url: "https://api.example.com/data" }, accepts }),
    ).toString("base64"),
  },
});
