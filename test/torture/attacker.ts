// A process that opens many connections to one socket and misbehaves on each, until it is killed:
// attacker.ts SOCKET KIND COUNT. Says "ready" when it has connected COUNT times; what is closed is opened again.
import { type Socket, createConnection } from "node:net";
import { encodeRequest } from "../../protocol/rpc.ts";
import { intent } from "../signer/intents.ts";

const [path = "", kind = "", count = "0"] = process.argv.slice(2);
const wanted = Number(count);
let connected = 0;
let asked = 0;

const payment = (): string =>
  encodeRequest(asked, "payment.sign", { intent: intent(`attack-${process.pid}-${asked++}`) });
const flood = (): string => Array.from({ length: 50 }, payment).join("");

const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  /** A line that never ends, byte by byte. */
  loris: (socket) => {
    const line = payment();
    let at = 0;
    const timer = setInterval(() => socket.write(line[at++ % (line.length - 1)] ?? ""), 500);
    socket.once("close", () => {
      clearInterval(timer);
    });
  },
  /** Asks, ends its own side, and reads nothing. */
  halfOpen: (socket) => {
    socket.pause();
    socket.end(payment());
  },
  /** Asks as fast as it can and reads nothing. */
  deaf: (socket) => {
    socket.pause();
    const more = (): void => {
      while (socket.write(flood()));
    };
    socket.on("drain", more);
    more();
  },
  /** Asks for as much as is answered. */
  flood: (socket) => {
    socket.on("data", (chunk: Buffer) => {
      let lines = 0;
      for (const byte of chunk) if (byte === 10) lines += 1;
      socket.write(Array.from({ length: lines }, payment).join(""));
    });
    socket.write(flood());
  },
};

const attack = KINDS[kind];
if (!attack) throw new Error(`kinds: ${Object.keys(KINDS).join(", ")}`);

function open(): void {
  const socket = createConnection({ path, allowHalfOpen: true });
  socket.on("error", () => undefined); // "close" follows
  socket.once("connect", () => {
    if (++connected === wanted) process.stdout.write("ready\n");
    attack?.(socket);
  });
  socket.once("close", () => setImmediate(open));
}

for (let n = 0; n < wanted; n++) open();
