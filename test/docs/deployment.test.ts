// docs/deployment.md: its commands are real. Those that need no running systemd are run, as root, where /etc, /opt, /run and
// /var are this test's own; the others must at least be commands that there are.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isRoot } from "../counterparts/service.ts";
import { ROOT } from "../sources.ts";
import { blocksOf, readPage } from "./page.ts";

const page = readPage("docs/deployment.md");
const lines = blocksOf(page)
  .filter(({ info }) => info === "sh")
  .flatMap(({ text }) => text.trim().split("\n"));

/** Run here, in their order. */
const RUN = [
  "cd",
  "install",
  "systemd-sysusers",
  "systemd-tmpfiles",
  "usermod",
  "groupadd",
  "useradd",
  "userdel",
  "groupdel",
];
/** At the end. */
const REMOVE = ["userdel", "groupdel"];
/** The package's own: test/docs/readme.test.ts holds them to what the commands take. */
const OWN = ["x402-vault", "x402-policy", "x402-signer", "/opt/x402-signer/bin/node"];
/** Of a running system. */
const NOT_HERE = ["npm", "systemctl", "journalctl", "sudo", "runuser", "mv", "rm"];

const first = (line: string): string => line.split(" ")[0]!;

it("has commands that are known, and no others", () => {
  expect(lines.length).toBeGreaterThan(30);
  expect(lines.filter((line) => ![...RUN, ...OWN, ...NOT_HERE].includes(first(line)))).toEqual([]);
});

it("names units that there are", () => {
  const named = page.match(/x402-[a-z-]+@?[a-z]*\.(service|socket)/g) ?? [];
  expect(named.length).toBeGreaterThan(10);
  const there = execFileSync("ls", [join(ROOT, "systemd/system")], { encoding: "utf8" });
  for (const name of new Set(named)) expect(there).toContain(name.replace("@research", "@"));
});

const hasTools = ["systemd-sysusers", "systemd-tmpfiles", "unshare"].every(
  (tool) => spawnSync(tool, ["--version"]).status === 0,
);
const canRun = isRoot && hasTools;
if (!canRun) console.warn("SKIPPED: the commands of docs/deployment.md take root and systemd's tools");

it.skipIf(!canRun)(
  "sets up the service's users, groups, folders and units, and takes them away again",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "x402-deploy-"));
    const script = [
      "set -eu",
      `cp -a /etc '${folder}/etc' && mount --bind '${folder}/etc' /etc`,
      "for dir in /opt /run /var/lib /root; do mount -t tmpfs tmpfs $dir; done",
      "useradd --no-create-home alice",
      "export HOME=/root",
      // What npm would install.
      "for prefix in /opt/x402-signer ~/.local/x402-signer; do",
      "  mkdir -p $prefix/lib/node_modules/x402-signer",
      `  cp -r '${join(ROOT, "systemd")}' $prefix/lib/node_modules/x402-signer/`,
      "  touch $prefix/lib/node_modules/x402-signer/systemd/ledger-backup.ndjson",
      "done",
      ...lines.filter((line) => RUN.includes(first(line)) && !REMOVE.includes(first(line))),
      "stat -c '%U %a %n' /run/x402 /run/x402/agents",
      "ls /etc/systemd/system/ | grep x402",
      "id -nG alice; id -nG research; getent passwd x402-signer | cut -d: -f1,6,7",
      ...lines.filter((line) => REMOVE.includes(first(line))),
      "! getent passwd x402-signer",
      "! getent group | grep -E '^x402-(signer|operators|agents|desk|observers):'",
    ].join("\n");
    writeFileSync(join(folder, "script"), script);
    try {
      const done = spawnSync("unshare", ["-m", "sh", join(folder, "script")], { encoding: "utf8" });
      expect([done.status, done.status === 0 ? "" : done.stderr]).toEqual([0, ""]);
      expect(done.stdout.trim().split("\n")).toEqual([
        "root 755 /run/x402",
        "root 755 /run/x402/agents",
        "x402-signer-agent.socket",
        "x402-signer-agent@.socket",
        "x402-signer-desk.socket",
        "x402-signer-observer.socket",
        "x402-signer-operator.socket",
        "x402-signer.service",
        "alice x402-operators",
        "research x402-agent-research",
        "x402-signer:/var/lib/x402-signer:/usr/sbin/nologin",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
