// Clients that flood, do not read or do not leave: they wait for themselves, and nobody waits for them.
import { type Socket, createConnection } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { encodeRequest } from "../../protocol/rpc.ts";
import { type Signer, SignerHome } from "../counterparts/signer.ts";
import { document, intent } from "./intents.ts";

const FLOOD = 400;
const PAYMENTS = 300;

let home: SignerHome;
let signer: Signer;
/** How often the signer asked for the time: every page of history does. */
let asked = 0;

beforeEach(async () => {
  home = await SignerHome.make();
  signer = await home.start({
    clock: () => {
      asked += 1;
      return Date.now();
    },
  });
  await signer.unlock();
  await signer.apply(document());
});

afterEach(async () => {
  await signer.close();
  home.remove();
});

/** Some milliseconds of work and some 100 KB of reply, many times. */
async function flood(): Promise<Socket> {
  await Promise.all([...Array(PAYMENTS).keys()].map((n) => signer.sign(intent(n))));
  const socket = await connect();
  const line = encodeRequest(1, "history.list", { limit: PAYMENTS });
  asked = 0;
  await new Promise((resolve) => socket.write(line.repeat(FLOOD), resolve));
  return socket;
}

function connect(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createConnection({ path: signer.socketOf(), allowHalfOpen: true }, () => {
      resolve(socket);
    });
  });
}

it("locks while a client's requests wait", async () => {
  const socket = await flood();
  socket.resume();
  expect(await signer.lock()).toMatchObject({ state: "locked" });
  expect(asked).toBeLessThan(FLOOD / 2);
  socket.destroy();
});

it("answers a client that does not read only so far", async () => {
  const socket = await flood();
  socket.pause();
  for (let round = 0; round < 100; round++) await signer.status();
  const soFar = asked;
  for (let round = 0; round < 10; round++) await signer.status();
  const each = (asked - soFar) / 10;
  // What the kernel holds for the client, and what is held here, is a few replies.
  expect(soFar - 100 * each).toBeLessThan(FLOOD / 4);
  socket.destroy();
});

it("stops although a client keeps its connection open, and has its answer", async () => {
  const socket = await connect();
  const replied = new Promise((resolve) => socket.once("data", resolve));
  socket.write(encodeRequest(1, "signer.status", {}));
  await replied;
  const ended = new Promise((resolve) => socket.once("end", resolve));
  signer.disconnect();
  await signer.running.close();
  await ended;
  socket.destroy();
  signer = await home.start();
});

it("stops although a client does not read its replies", async () => {
  const socket = await flood();
  socket.pause();
  signer.disconnect();
  await signer.running.close();
  socket.destroy();
  signer = await home.start();
});
