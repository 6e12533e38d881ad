// Flags and environment of the command, and what systemd hands over with them.
import { describe, expect, it } from "vitest";
import { readOptions } from "../../signer/options.ts";
import { inheritedSockets } from "../../signer/sockets/inherited.ts";

const HOME = "/home/me";
function read(args: string[], env: Record<string, string> = {}) {
  const asked = readOptions({ args, env, pid: 7, homeDirectory: () => HOME });
  return "options" in asked ? asked.options : asked;
}
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("options", () => {
  it("come from the flags, then from the environment, then from the home folder", () => {
    expect(read([])).toEqual({ home: `${HOME}/.x402/signer`, sockets: `${HOME}/.x402/run` });
    const env = { X402_HOME: "/x", XDG_RUNTIME_DIR: "/run/user/1", CREDENTIALS_DIRECTORY: "/c" };
    expect(read([], env)).toEqual({
      home: "/x/signer",
      sockets: "/run/user/1/x402",
      credential: "/c/x402-unlock",
    });
    const flags = ["--home", "/h", "--sockets", "/s", "--credential", "/f"];
    expect(read(flags, env)).toEqual({ home: "/h", sockets: "/s", credential: "/f" });
  });

  it("ask for a home folder only when nothing else says where", () => {
    const homeDirectory = () => {
      throw new Error("a user without one");
    };
    const asked = readOptions({ args: ["--home", "/h", "--sockets", "/s"], env: {}, pid: 7, homeDirectory });
    expect(asked).toMatchObject({ options: { home: "/h" } });
  });

  it("have a list of users for each role", () => {
    const flags = ["--operator-uid", "1000", "--operator-uid", "0", "--observer-uid", "64000"];
    expect(read(flags)).toMatchObject({ allow: { operator: [1000, 0], observer: [64000] } });
    for (const uid of ["me", "-1", "01", "1.5", "4294967295", "99999999999", ""])
      expect(codeOf(() => read([`--desk-uid=${uid}`]))).toBe("USAGE");
  });
});

describe("sockets of systemd", () => {
  const env = (names: string, count: number | string = names.split(":").length, pid = "7") => ({
    LISTEN_PID: pid,
    LISTEN_FDS: String(count),
    LISTEN_FDNAMES: names,
  });

  it("are named by role and agent, from descriptor 3 on", () => {
    const names = "operator.sock:agents/a-1.sock:agent.sock:desk.sock:observer.sock";
    expect([...inheritedSockets(env(names), 7)!]).toEqual([
      ["operator.sock", 3],
      ["agents/a-1.sock", 4],
      ["agent.sock", 5],
      ["desk.sock", 6],
      ["observer.sock", 7],
    ]);
  });

  it("are not ours when another process was meant", () => {
    expect(inheritedSockets({}, 7)).toBeUndefined();
    expect(inheritedSockets(env("agent.sock", 1, "8"), 7)).toBeUndefined();
    expect(inheritedSockets(env("agent.sock", 1, "07"), 7)).toBeUndefined();
  });

  it.each([
    ["another name", env("x402-signer.socket")],
    ["a name twice", env("agent.sock:agent.sock")],
    ["the default agent under two names", env("agents/default.sock")],
    ["a name that leads elsewhere", env("agents/../operator.sock")],
    ["fewer names than descriptors", env("agent.sock", 2)],
    ["more names than descriptors", env("agent.sock:desk.sock", 1)],
    ["no names", { LISTEN_PID: "7", LISTEN_FDS: "1" }],
    ["no number", env("agent.sock", "x")],
    ["none", env("agent.sock", 0)],
    ["too many", env("agent.sock", 129)],
  ])("are refused with %s", (_what, given) => {
    expect(codeOf(() => inheritedSockets(given, 7))).toBe("USAGE");
  });
});
