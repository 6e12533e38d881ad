// A process that holds as many connections to a socket as it gets, and comes back for each that it loses: with half a
// line on each, or with requests on each, without end. Prints a line when it has tried the first `count`.
import { type Socket, createConnection } from "node:net";

const [path = "", count = "0", kind = "half"] = process.argv.slice(2);
const request = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "signer.status", params: {} })}\n`;
let tried = 0;

function open(): void {
  const socket: Socket = createConnection(path);
  socket.on("error", () => undefined);
  socket.on("connect", () => {
    if (kind === "half") socket.write('{"jsonrpc":"2.0",');
    else socket.write(request.repeat(64));
  });
  socket.on("data", () => {
    if (kind !== "half") socket.write(request);
  });
  socket.on("close", () => setTimeout(open, 5));
  if (++tried === Number(count)) process.stdout.write("tried\n");
}
for (let i = 0; i < Number(count); i++) setTimeout(open, i / 20);
