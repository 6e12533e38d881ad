// The rules of the design that a reader of one file cannot see: who may import whom, what each folder may use,
// and which acts have exactly one place. What is not listed fails.
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { VERSION } from "../protocol/version.ts";
import { ROOT, type Source, folderOf, parseSource, sourcesIn, visit } from "./sources.ts";

/** Which folders a folder may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  policy: ["protocol"],
  chains: ["protocol"],
  vault: ["protocol", "chains"],
  // The verifier for `restore` alone: a running signer does not load it (test/signer/modules.test.ts).
  signer: ["vault", "policy", "chains", "protocol", "verify"],
  client: ["protocol"],
  cli: ["vault", "client", "policy", "chains", "protocol", "verify"],
  // A program of its own: who checks the signer's record has no reason to trust the signer's code.
  verify: [],
  bin: ["verify", "protocol"],
};
/** The same, for types only: nothing of the other folder is loaded. */
const MAY_IMPORT_TYPES: Readonly<Record<string, readonly string[]>> = { client: ["policy"] };
/** By `import()`, after the check of the Node version. */
const MAY_LOAD: Readonly<Record<string, readonly string[]>> = { bin: ["cli", "signer"] };
/** A package that only some need, loaded at the start: the rail that asks for it is loaded then. */
const LOADED_AT_START = "chains/ed25519.ts: libsodium-sumo";

/** Not part of the package. */
const FREE = ["test", "bench", "examples"];

/** Which packages a folder may use. The running signer loads what protocol, policy, chains, vault and signer load. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  protocol: ["zod", "@scure/base"],
  policy: ["zod"],
  chains: ["tiny-secp256k1", "libsodium-sumo"],
  vault: ["@scure/bip32", "@scure/bip39"],
  signer: ["zod"],
  client: ["zod", "@x402/core"],
  cli: ["commander", "zod"],
  verify: [],
  bin: [],
};

/** Modules of Node that need a reason, and the places (a path or its beginning) that have one. Others are free. */
const BUILTINS: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["signer/sockets/", "signer/harden/attempts.ts", "client/signer.ts"],
  "node:sqlite": ["signer/ledger/"],
  "node:tty": ["cli/"],
  "node:readline": [],
  "node:child_process": [],
  "node:cluster": [],
  "node:dgram": [],
  "node:dns": [],
  "node:ffi": ["signer/harden/libc.ts"],
  "node:http": [],
  "node:http2": [],
  "node:https": [],
  "node:inspector": [],
  "node:module": ["signer/harden/flags.ts"],
  "node:tls": [],
  "node:vm": [],
  "node:wasi": [],
  "node:worker_threads": [],
};

/** Of Node, a pure folder may use these names only: functions of their arguments. */
const PURE_BUILTINS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  protocol: { "node:crypto": ["hash"], "node:buffer": ["isUtf8"], "node:path": ["join"] },
  policy: { "node:crypto": ["hash"] },
  chains: { "node:crypto": ["hash"] },
};
const PURE = Object.keys(PURE_BUILTINS);

/** An act, how it looks in the code, and the places that may do it. */
const ONE_PLACE: readonly (readonly [act: string, pattern: RegExp, places: readonly string[]])[] = [
  ["encrypt with AES", /\b(createCipheriv|createDecipheriv)\b|["'`]aes-|@noble\/ciphers/, ["vault/seal.ts"]],
  ["call secp256k1", /from "tiny-secp256k1"/, ["chains/evm/secp256k1.ts"]],
  [
    "call libsodium",
    /"libsodium-sumo"/,
    ["chains/ed25519.ts", "chains/libsodium-sumo.d.ts", "signer/harden/flags.ts"],
  ],
  [
    "make a reservation",
    /\brecordedReservation\b/,
    ["signer/ledger/reservation.ts", "signer/ledger/record.ts"],
  ],
  ["sign a payment", /\bsignReservation\b/, ["signer/sign.ts", "signer/pay.ts"]],
  ["ask a rail for a signature", /\brail\.sign\b/, ["signer/sign.ts"]],
  ["open a database", /\bDatabaseSync\b/, ["signer/ledger/"]],
  ["attach a database", /\bATTACH\b/i, ["signer/ledger/sqlite.ts", "signer/harden/"]],
  [
    "read the environment",
    /\bprocess\.env\b/,
    ["client/paths.ts", "signer/main.ts", "signer/restart.ts", "signer/restore-main.ts", "signer/harden/"],
  ],
  ["take a module of Node by its name", /\bgetBuiltinModule\b/, ["signer/harden/", "cli/peer.ts"]],
  ["call the C library", /\bbindLibc\b/, ["signer/harden/"]],
  ["start a program", /\bexecve\b/, ["signer/restart.ts"]],
  [
    "send a request to a URL",
    /\bfetch\(/,
    ["client/http/request.ts", "client/context/endpoint.ts", "cli/policy/reconcile-endpoint.ts"],
  ],
  // What touches a network is given the desk's socket and knows of no other.
  ["name the operator's socket", /\boperatorSocket\b/, ["client/paths.ts", "cli/operator.ts"]],
  ["run a string as code", /\beval\(|new Function\(/, []],
  ["read decimals as floats", /\bparseFloat\b|\.toFixed\(/, []],
];

const sources = sourcesIn(Object.keys(MAY_IMPORT)).filter(({ path }) => path !== "bin/build.mjs");

/** Lines that a reader can act upon, so that a failure names every culprit at once. */
const offenders = (find: (source: Source) => string[]): string[] =>
  sources.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));

const isAt = (path: string, places: readonly string[]): boolean =>
  places.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place));

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

describe("these tests", () => {
  it("see an import in each of its forms", () => {
    const { imports } = parseSource(
      "signer/x.ts",
      `import "./a.ts"; import b from "zod"; import * as c from "node:fs"; import { d as e } from "node:net";
       import type { F } from "../vault/f.ts"; import { type G } from "../vault/g.ts"; export { h } from "./h.ts";
       await import("./i.ts"); await import(name); type J = import("../cli/j.ts").J;`,
    );
    const brief = imports.map((i) => `${i.to}${i.types ? " types" : ""}${i.dynamic ? " dynamic" : ""}`);
    expect(brief).toEqual([
      ...["signer/a.ts", "zod", "node:fs", "node:net", "vault/f.ts types", "vault/g.ts types"],
      ...["signer/h.ts", "signer/i.ts dynamic", "signer/(computed) dynamic", "cli/j.ts types"],
    ]);
    expect(imports[3]?.names).toEqual(["d"]);
  });

  it("see what is impure", () => {
    const text = `Date.now(); new Date(); new Date(1); setTimeout(f); Temporal.Now.instant(); process.pid; f(Math.random);`;
    expect(impurities(parseSource("policy/x.ts", text)).sort()).toEqual(
      ["Date.now", "Math.random", "Temporal.Now", "new Date()", "process.pid", "setTimeout"].sort(),
    );
  });
});

describe("folders", () => {
  it("are all known, so that none escapes the rules below", () => {
    const known = [...Object.keys(MAY_IMPORT), ...FREE];
    const files = globSync("*/**/*.{ts,mts,cts,js,mjs,cjs}", {
      cwd: ROOT,
      exclude: ["node_modules/**", "dist/**", "coverage/**"],
    });
    expect([...new Set(files.map(folderOf))].filter((folder) => !known.includes(folder))).toEqual([]);
    expect(sources.length).toBeGreaterThan(90);
  });

  it("are built and type-checked as they are listed here", () => {
    const { include } = readJson("tsconfig.build.json") as { include: string[] };
    expect(include.sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it("import what the table allows", () => {
    const wrong = offenders(({ path, imports }) => {
      const from = folderOf(path);
      const mayImport = MAY_IMPORT[from] ?? [];
      return imports
        .filter(({ ours, to }) => ours && folderOf(to) !== from)
        .filter(({ to, types, dynamic }) => {
          if (dynamic) return !MAY_LOAD[from]?.includes(folderOf(to));
          return (
            !mayImport.includes(folderOf(to)) && !(types && MAY_IMPORT_TYPES[from]?.includes(folderOf(to)))
          );
        })
        .map(({ to }) => to);
    });
    expect(wrong).toEqual([]);
  });

  it("load code at run time nowhere but in bin/", () => {
    const dynamic = offenders(({ imports }) => imports.filter((i) => i.dynamic).map(({ to }) => to));
    expect(dynamic.filter((line) => !line.startsWith("bin/"))).toEqual([LOADED_AT_START]);
  });

  it("do not import each other in a circle; files may, for types", () => {
    expect(circles(edges((path) => dirname(path)))).toEqual([]);
    expect(circles(edges((path) => path, false))).toEqual([]);
  });

  it("have their own name for everything: no barrels, no drawers for odds and ends", () => {
    const drawer = /^(index|utils?|helpers?|common|misc|shared|types|lib)$/;
    const named = sources.filter(({ path }) =>
      path.split("/").some((part) => drawer.test(part.replace(/\.m?[jt]s$/, ""))),
    );
    expect(named.map(({ path }) => path)).toEqual([]);
    expect(offenders(({ text }) => text.match(/^export \* .*/gm) ?? [])).toEqual([]);
  });

  it("have files of at most 300 lines", () => {
    const long = offenders(({ text }) => {
      const lines = text.split("\n").length - 1;
      return lines > 300 ? [`${lines} lines`] : [];
    });
    expect(long).toEqual([]);
  });
});

describe("what a folder uses", () => {
  it("packages", () => {
    const wrong = offenders(({ path, imports }) =>
      imports
        .filter(({ ours, to }) => !ours && !to.startsWith("node:"))
        .map(({ to }) => packageOf(to))
        .filter((name) => !PACKAGES[folderOf(path)]?.includes(name)),
    );
    expect(wrong).toEqual([]);
  });

  it("modules of Node, by their node: names", () => {
    const wrong = offenders(({ path, imports }) =>
      imports
        .filter(({ to }) => to in BUILTINS || `node:${to}` in BUILTINS)
        .filter(({ to }) => !isAt(path, BUILTINS[to] ?? []))
        .map(({ to }) => to),
    );
    expect(wrong).toEqual([]);
  });

  it("nothing of the outside in a pure folder: no files, network, clock, randomness or environment", () => {
    const wrong = offenders((source) => {
      const pure = PURE_BUILTINS[folderOf(source.path)];
      if (!pure) return [];
      const builtins = source.imports
        .filter(({ to }) => to.startsWith("node:"))
        .filter(({ to, names }) => names.length === 0 || !names.every((name) => pure[to]?.includes(name)))
        .map(({ to, names }) => `${to} {${names.join(", ")}}`);
      return [...builtins, ...impurities(source)];
    });
    expect(PURE).toEqual(["protocol", "policy", "chains"]);
    expect(wrong).toEqual([]);
  });

  it("no Number() on money", () => {
    const money = /amount|usd|micro|units|spend|limit|left|used|price|fee|balance|atomic/i;
    const wrong = offenders(({ tree }) =>
      calls(tree, /^Number(\.parse(Int|Float))?$|^parseInt$/).filter((call) =>
        money.test(call.slice(call.indexOf("("))),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

it("what touches a network does not speak to the operator's socket", () => {
  const networked = sources.filter(({ path }) => path.startsWith("cli/policy/reconcile"));
  expect(networked.length).toBeGreaterThan(3);
  const wrong = networked.filter(({ imports }) => imports.some(({ to }) => to === "cli/operator.ts"));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

describe("one place", () => {
  it.each(ONE_PLACE)("to %s", (_act, pattern, places) => {
    const elsewhere = sources.filter(
      ({ path, tree }) => !isAt(path, places) && pattern.test(withoutComments(tree)),
    );
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
    // A place that no longer does it is a rule that guards nothing.
    const stale = places.filter(
      (place) =>
        !sources.some(({ path, tree }) => isAt(path, [place]) && pattern.test(withoutComments(tree))),
    );
    expect(stale).toEqual([]);
  });
});

describe("the package", () => {
  const manifest = readJson("package.json") as {
    version: string;
    bin: Record<string, string>;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };

  it("has the version that it tells", () => {
    expect(VERSION).toBe(manifest.version);
  });

  it("pins every dependency exactly", () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  it("depends at run time on what it imports, and on nothing else", () => {
    const imported = sources.flatMap(({ imports }) =>
      imports.filter(({ ours, to }) => !ours && !to.startsWith("node:")).map(({ to }) => packageOf(to)),
    );
    expect(Object.keys(manifest.dependencies).sort()).toEqual([...new Set(imported)].sort());
  });

  it("has a source behind each command", () => {
    for (const file of Object.values(manifest.bin)) {
      const source = file.replace(/^dist\//, "").replace(/\.js$/, ".ts");
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(basename(source, ".ts")).toMatch(/^x402-/);
    }
  });
});

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}

/** Who imports whom among the groups that `groupOf` makes of paths. */
function edges(groupOf: (path: string) => string, types = true): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const { path, imports } of sources) {
    const from = groupOf(path);
    const to = imports.filter((i) => i.ours && (types || !i.types)).map((i) => groupOf(i.to));
    graph.set(from, new Set([...(graph.get(from) ?? []), ...to.filter((group) => group !== from)]));
  }
  return graph;
}

/** What is left after taking away, again and again, all that imports nothing or is imported by nothing of the rest. */
function circles(graph: Map<string, Set<string>>): string[] {
  let left = [...graph.keys()];
  for (;;) {
    const next = left.filter(
      (node) =>
        left.some((other) => graph.get(node)?.has(other)) &&
        left.some((other) => graph.get(other)?.has(node)),
    );
    if (next.length === left.length) return left;
    left = next;
  }
}

const IMPURE_NAME = /^(fetch|require|set(Timeout|Interval|Immediate)|queueMicrotask)$/;
const IMPURE_MEMBER =
  /^(Date\.now|Math\.random|Temporal\.Now|(process|performance|crypto|globalThis|global|console)\.\w+)$/;

function impurities({ tree }: Source): string[] {
  const found: string[] = [];
  visit(tree, (node) => {
    const text = node.getText();
    const isNow = ts.isNewExpression(node) && node.expression.getText() === "Date" && !node.arguments?.length;
    const isCalled = ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node.parent);
    if (isNow || (isCalled && IMPURE_NAME.test(text))) found.push(text);
    if (ts.isPropertyAccessExpression(node) && IMPURE_MEMBER.test(text)) found.push(text);
  });
  return found;
}

/** The calls whose callee looks like this, as they are written. */
function calls(tree: ts.SourceFile, callee: RegExp): string[] {
  const found: string[] = [];
  visit(tree, (node) => {
    if (ts.isCallExpression(node) && callee.test(node.expression.getText())) found.push(node.getText());
  });
  return found;
}

const printer = ts.createPrinter({ removeComments: true });
const withoutComments = (tree: ts.SourceFile): string => printer.printFile(tree);
