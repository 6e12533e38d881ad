// Who may have touched the file, and what a crash leaves of it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { readPrivate, replacePrivate } from "../../vault/file.ts";
import { withLock } from "../../vault/lock.ts";
import { codeOf } from "./code.ts";
import { privateFolder } from "./home.ts";

const LIMIT = 1000;
const base = privateFolder();
let folder: string;
let path: string;
let count = 0;

beforeEach(() => {
  folder = join(base, `case ${count++}`);
  path = join(folder, "vault.enc");
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(path, "old", { mode: 0o600 });
});

const readCode = () => codeOf(() => readPrivate(path, LIMIT));
const writeCode = () =>
  codeOf(() => {
    replacePrivate(path, LIMIT, () => Buffer.from("new"));
  });

describe("a private file", () => {
  it("is read, replaced, made, and bounded", async () => {
    expect(Buffer.from(readPrivate(path, LIMIT)!).toString()).toBe("old");
    expect(await writeCode()).toBe("no error");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readPrivate(join(folder, "none"), LIMIT)).toBeUndefined();
    writeFileSync(path, "x".repeat(5000));
    expect(readPrivate(path, LIMIT)).toHaveLength(LIMIT + 1);
  });

  const unsafe: [string, () => void][] = [
    ["a link", () => { renameSync(path, `${path}.real`); symlinkSync(`${path}.real`, path); }],
    ["a link to nothing", () => { rmSync(path); symlinkSync(join(folder, "nothing"), path); }],
    ["a folder", () => { rmSync(path); mkdirSync(path); }],
    ["readable by the group", () => { chmodSync(path, 0o640); }],
    ["readable by all", () => { chmodSync(path, 0o604); }],
    ["in a folder that others may list", () => { chmodSync(folder, 0o755); }],
    ["in a folder that others may write", () => { chmodSync(folder, 0o777); }],
    ["in a sticky folder of everyone", () => { chmodSync(folder, 0o1777); }],
    ["below a folder that others may write", () => { open(0o777); }],
    ["below a folder that the group may write", () => { open(0o770); }],
    ["behind a linked folder", () => { renameSync(folder, `${folder} real`); symlinkSync(`${folder} real`, folder); }],
  ]; // prettier-ignore

  /** Puts the folder below another one with that mode. */
  const open = (mode: number) => {
    const above = `${folder} above`;
    mkdirSync(above);
    chmodSync(above, mode);
    renameSync(folder, join(above, "in"));
    folder = join(above, "in");
    path = join(folder, "vault.enc");
  };

  it.each(unsafe)("is refused when it is %s", async (_, spoil) => {
    spoil();
    expect(await readCode()).toBe("VAULT_UNSAFE_FILE");
    expect(await writeCode()).toBe("VAULT_UNSAFE_FILE");
  });

  it("may lie below a sticky folder of everyone, as /tmp is", async () => {
    open(0o1777);
    expect(await readCode()).toBe("no error");
    expect(await writeCode()).toBe("no error");
  });

  it("of another user, or in another user's folder, is refused", async ({ skip }) => {
    skip(process.geteuid?.() !== 0, "only root can give a file away");
    chownSync(path, 12345, 12345);
    expect(await readCode()).toBe("VAULT_UNSAFE_FILE");
    chownSync(path, 0, 0);
    chownSync(folder, 12345, 12345);
    expect(await readCode()).toBe("VAULT_UNSAFE_FILE");
    expect(await writeCode()).toBe("VAULT_UNSAFE_FILE");
  });

  it("is not made through a link that waits at its place", async () => {
    rmSync(path);
    symlinkSync(join(base, "elsewhere"), path);
    expect(await writeCode()).toBe("VAULT_UNSAFE_FILE");
    expect(existsSync(join(base, "elsewhere"))).toBe(false);
  });

  it("is what it was when the new content cannot be made or written", async () => {
    const broken = () => {
      replacePrivate(path, LIMIT, () => {
        throw new RangeError("no");
      });
    };
    expect(broken).toThrow(RangeError);
    expect(readFileSync(path, "utf8")).toBe("old");
    mkdirSync(`${path}.new`); // what cannot be removed as a file stands in the way
    expect(await writeCode()).toBe("VAULT_WRITE");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

describe("the lock", () => {
  it("lets one in", async () => {
    const code = await codeOf(() => {
      withLock(path, () => {
        replacePrivate(path, LIMIT, () => Buffer.from("second"));
      });
    });
    expect(code).toBe("VAULT_BUSY");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(await writeCode()).toBe("no error");
  });

  it.each([
    ["by a process that is gone", "4194999 1 0123456789ab"],
    ["under the number of a process that started later", `${process.pid} 1 0123456789ab`],
    ["empty by a power cut", ""],
    ["with a number that is a whole group of processes", "0 1 0123456789ab"],
  ])("that was left %s stops nobody, and nothing of it stays", async (_, content) => {
    writeFileSync(`${path}.lock`, content);
    if (content !== "") writeFileSync(`${path}.lock.0123456789ab`, content);
    expect(await writeCode()).toBe("no error");
    expect(readdirSync(folder).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("sweeps up what killed ones left while they waited, and nothing of a living one or of anyone else", async () => {
    const [dead, living] = ["4194999 1 0123456789ab", `${process.pid} ${startTime()} ba9876543210`];
    writeFileSync(`${path}.lock.0123456789ab`, dead);
    writeFileSync(`${path}.lock.ffffffffffff.dead`, dead);
    writeFileSync(`${path}.lock.ba9876543210`, living);
    writeFileSync(`${path}.lock.notes`, "mine");
    expect(await writeCode()).toBe("no error");
    const left = readdirSync(folder).filter((name) => name.includes("lock"));
    expect(left.sort()).toEqual(["vault.enc.lock.ba9876543210", "vault.enc.lock.notes"]);
  });
});

/** When this process started, as the lock has it: field 22 of proc(5)'s stat. */
const startTime = () => readFileSync("/proc/self/stat", "latin1").split(") ")[1]!.split(" ")[19]!;

const WRITER = fileURLToPath(new URL("./writer.ts", import.meta.url));
const [OLD, NEW] = ["o".repeat(60_000), "n".repeat(60_000)];

describe("kill -9", () => {
  it("while the file is replaced leaves the old one or the new one, and no lock that stays", async () => {
    for (let kill = 0; kill < 30; kill++) {
      const writer = spawn(process.execPath, [WRITER, path, OLD.slice(0, 1), NEW.slice(0, 1), "60000"]);
      await once(writer.stdout, "data");
      // The writer's own count of writes is the clock: no two kills meet it at the same place.
      for (let line = 0; line < kill % 7; line++) await once(writer.stdout, "data");
      writer.kill("SIGKILL");
      await once(writer, "exit");
      const found = Buffer.from(readPrivate(path, 100_000)!).toString();
      expect(found === OLD || found === NEW).toBe(true);
      expect(await writeCode()).toBe("no error");
    }
  });
});

describe("many writers", () => {
  it("come in turn: every write that was not refused is counted", async () => {
    writeFileSync(path, "0");
    const writers = Array.from({ length: 6 }, () => spawn(process.execPath, [WRITER, path, "count", "40"]));
    const written = await Promise.all(
      writers.map(async (writer) => {
        let out = "";
        writer.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
        await once(writer, "close");
        return Number(out);
      }),
    );
    const sum = written.reduce((a, b) => a + b, 0);
    expect(sum).toBe(6 * 40);
    expect(readFileSync(path, "utf8")).toBe(String(sum));
  });
});
