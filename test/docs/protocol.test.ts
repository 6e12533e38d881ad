// docs/protocol.md against the schemas, and its client in another language against a signer.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectSigner } from "../../client/signer.ts";
import { AGENT_METHODS, DESK_METHODS, OBSERVER_METHODS, OPERATOR_METHODS } from "../../protocol/methods.ts";
import { signerEventSchema } from "../../protocol/observed.ts";
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from "../../protocol/rpc.ts";
import { MAX_SUBSCRIBERS } from "../../signer/feed.ts";
import { MAX_IN_FLIGHT } from "../../signer/sockets/connection.ts";
import { MOST_CONNECTIONS } from "../../signer/sockets/crowd.ts";
import { PROTECTIONS } from "../../signer/harden/protections.ts";
import { SESSIONS_PER_DAY } from "../../signer/sessions.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { blocksOf, readPage, rowsOf, sectionsOf } from "./page.ts";

const page = readPage("docs/protocol.md");
const AS_OPERATOR = ", as the operator";
const AS_OBSERVER = ", as an observer";

/** Methods of one role; those that it shares with the agents are told apart by their heading. */
const documented = (role: "agent" | "operator" | "desk" | "observer"): string[] => {
  const heading = { agent: "an agent", operator: "the operator", desk: "a desk", observer: "an observer" }[
    role
  ];
  const part = page.split(`\n## Methods of ${heading}\n`)[1]?.split(/^## /m)[0] ?? "";
  return [...sectionsOf(part).keys()].map((name) => name.replace(/, as .*/, ""));
};

describe("docs/protocol.md", () => {
  it("has every method, and no other", () => {
    expect(documented("agent").sort()).toEqual(Object.keys(AGENT_METHODS).sort());
    const shared = Object.keys(OPERATOR_METHODS).filter((name) => name in AGENT_METHODS);
    const listed = [...documented("operator"), ...shared.filter((name) => name !== "payment.quote")];
    expect(listed.sort()).toEqual(Object.keys(OPERATOR_METHODS).sort());
    const ofDesk = Object.keys(DESK_METHODS).filter((name) => !(name in OPERATOR_METHODS));
    expect(documented("desk").sort()).toEqual(ofDesk.sort());
    // As the operator's, and said to be.
    const ofObserver = [...documented("observer"), "signer.status", "budget.get"];
    expect(ofObserver.sort()).toEqual(Object.keys(OBSERVER_METHODS).sort());
  });

  const sections = [...sectionsOf(page)].filter(([name]) => name.includes("."));
  it.each(sections)("shows %s as it is", (heading, text) => {
    const asOperator = heading.endsWith(AS_OPERATOR);
    const name = heading.replace(/, as .*/, "");
    const asObserver =
      heading.endsWith(AS_OBSERVER) || !(name in { ...AGENT_METHODS, ...OPERATOR_METHODS, ...DESK_METHODS });
    const methods: Readonly<Record<string, (typeof OPERATOR_METHODS)["payment.quote"]>> = {
      ...(asObserver ? OBSERVER_METHODS : {}),
      ...(asOperator || asObserver ? {} : AGENT_METHODS),
      ...(asOperator || (!asObserver && !(name in AGENT_METHODS)) ? OPERATOR_METHODS : {}),
      ...(name in OPERATOR_METHODS || name in AGENT_METHODS ? {} : DESK_METHODS),
    } as never;
    const method = methods[name]!;
    const blocks = blocksOf(text);
    const params = blocks.filter(({ info }) => info === "json params");
    const results = blocks.filter(({ info }) => info === "json result");
    expect([params.length, results.length > 0]).toEqual([1, true]);
    for (const { text: json } of params) method.params.parse(JSON.parse(json));
    for (const { text: json } of results) method.result.parse(JSON.parse(json));
    for (const { text: json } of blocks.filter(({ info }) => info === "json event"))
      signerEventSchema.parse(JSON.parse(json));
  });

  it("says of each protection what holds while it is on", () => {
    const shapes = page.slice(page.indexOf("**Protections**"), page.indexOf("## Methods of an agent"));
    const rows = rowsOf(shapes).filter(([name]) => name?.startsWith("`"));
    expect(rows).toEqual(Object.entries(PROTECTIONS).map(([name, { means }]) => [`\`${name}\``, means]));
  });

  it("names the limits that hold", () => {
    const said = page.replaceAll("\n", " ");
    expect([MAX_REQUEST_BYTES, MAX_REPLY_BYTES]).toEqual([64 * 1024, 64 * 1024 * 1024]);
    expect(said).toContain("A request has up to 64 KiB");
    expect(said).toContain("They have up to 64 MiB");
    expect(said).toContain(`A socket takes ${MOST_CONNECTIONS} connections`);
    expect(said).toContain(`${MAX_SUBSCRIBERS} may subscribe at once`);
    expect(said).toContain(`${MAX_IN_FLIGHT} requests of one connection are worked on at once`);
    expect(said).toContain(`at most ${SESSIONS_PER_DAY.toLocaleString("en")} a day`);
  });
});

describe("its client in Python", () => {
  const python = blocksOf(page).find(({ info }) => info === "python")!.text;
  let home: SignerHome;
  let signer: Signer;

  beforeAll(async () => {
    home = await SignerHome.make();
    signer = await home.start();
  });
  afterAll(async () => {
    await signer.close();
    home.remove();
  });

  const run = (): Promise<{ stdout: string }> => {
    const env = { PATH: process.env["PATH"], X402_SIGNER_SOCK: signer.socketOf() };
    return promisify(execFile)("python3", ["-c", python], { env });
  };

  it("is told why, and pays when it may", async () => {
    await expect(run()).rejects.toThrow("SIGNER_LOCKED");
    await signer.unlock();
    expect((await run()).stdout).toMatch(/^unlocked\ndeclined .*'NO_POLICY'/);
    await signer.apply({ version: 1, perDayMax: "0.01" });
    expect((await run()).stdout).toMatch(/^unlocked\nsigned .*'signature': '0x[0-9a-f]{130}'/);
    expect((await run()).stdout).toMatch(/^unlocked\ndeclined .*'DAILY_BUDGET_EXCEEDED'/);
  });
});

describe("the framing that it describes", () => {
  let home: SignerHome;
  let signer: Signer;

  beforeAll(async () => {
    home = await SignerHome.make();
    signer = await home.start();
  });
  afterAll(async () => {
    await signer.close();
    home.remove();
  });

  /** Sends bytes, closes its own side, and gives every reply until the signer closes the other. */
  async function exchange(bytes: string | Buffer): Promise<{ id: unknown; code: string }[]> {
    const socket = createConnection(signer.socketOf());
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.end(bytes);
    await once(socket, "close");
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const { id, error } = JSON.parse(line) as { id: unknown; error?: { data: { code: string } } };
      return { id, code: error?.data.code ?? "ok" };
    });
  }
  const status = (id: unknown) => `${JSON.stringify({ jsonrpc: "2.0", id, method: "signer.status" })}\n`;

  it("answers each line with its id, also after one that cannot be read", async () => {
    const replies = await exchange(`${status(1)}hello\n[]\n${status("two")}`);
    // In the order in which they are ready.
    const sorted = replies.map(({ id, code }) => `${String(id)} ${code}`).sort();
    expect(sorted).toEqual(["1 ok", "null INVALID_REQUEST", "null INVALID_REQUEST", "two ok"]);
  });

  it("ends the connection after a line that is too long or not UTF-8", async () => {
    const long = await exchange(`${"x".repeat(MAX_REQUEST_BYTES + 1)}\n${status(1)}`);
    expect(long).toEqual([{ id: null, code: "LINE_TOO_LONG" }]);
    const latin1 = await exchange(Buffer.concat([Buffer.from([0xff, 10]), Buffer.from(status(1))]));
    expect(latin1).toEqual([{ id: null, code: "INVALID_REQUEST" }]);
  });

  it("gives an agent none of the operator's methods", async () => {
    const agent = await connectSigner(signer.socketOf());
    for (const name of Object.keys(OPERATOR_METHODS).filter((method) => !(method in AGENT_METHODS))) {
      await expect(agent.call(name, {})).rejects.toMatchObject({ code: "METHOD_NOT_FOUND" });
    }
    await expect(agent.call("history.list", { agent: "other" })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
    agent.close();
  });
});
