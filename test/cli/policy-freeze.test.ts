// x402-policy freeze and unfreeze against a signer.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Signer, SignerHome, outcomeOf } from "../counterparts/signer.ts";
import { PAYEE, document, idOf, intent } from "../signer/intents.ts";
import { policy } from "./policy-command.ts";
import { vault } from "./vault-command.ts";

let home: SignerHome;
let signer: Signer;
const run = (...args: string[]) => policy(home.folder, args);
const pay = (name: string, agent = "default") => outcomeOf(signer.sign(intent(name), { agent }));

beforeAll(async () => {
  home = await SignerHome.make();
  signer = await home.start();
  await signer.apply(document({ agents: { research: {} } }));
  await signer.close();
  signer = await home.start();
  await signer.unlock();
});
afterAll(async () => {
  await signer.close();
  home.remove();
});

it("stops an agent, lists what is alive, and says the truth about killing it", async () => {
  expect(await pay("one", "research")).toBe("signed");
  expect(await pay("two")).toBe("signed");
  const { status, stdout, stderr } = await run("freeze", "research");
  expect([status, stderr.split("\n")[0]]).toEqual([0, "Frozen: research."]);
  expect(stderr).toMatch(/^1 signed before can still be used, 0\.01 USD in all, until 20\d\d-.*\.$/m);
  expect(stderr).toContain("Nothing here can call them back");
  expect(stdout.split("\n")).toHaveLength(3);
  expect(stdout).toMatch(
    new RegExp(`^research +0\\.01 +10000 +USDC +eip155:84532 +${PAYEE} .*${idOf("one")}$`, "m"),
  );
  expect(await pay("three", "research")).toBe("SIGNER_FROZEN");
  expect(await pay("three")).toBe("signed");
});

it("stops everyone, also as JSON, and is seen in status", async () => {
  const { status, stdout, stderr } = await run("freeze", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ frozen: ["*", "research"], alive: { count: 3, usd: "0.03" } });
  expect(stderr).toMatch(/^Everyone is frozen, and research by name\.$/m);
  const told = await vault(home.folder, ["status"]);
  expect(told.stdout).toMatch(/^state +The signer is frozen/m);
});

it("lifts what was frozen by that name", async () => {
  expect((await run("unfreeze")).stdout).toBe("Frozen: research.\n");
  expect((await run("unfreeze", "research")).stdout).toBe("Nothing is frozen.\n");
  expect(await pay("three", "research")).toBe("signed");
});

it("knows no other agent", async () => {
  for (const command of ["freeze", "unfreeze"]) {
    const { status, stderr } = await run(command, "nobody");
    expect([status, stderr.split("\n")[0]]).toEqual([
      2,
      "x402-policy: the policy names no such agent: nobody",
    ]);
  }
});
